/** Work that is one hub's at a time: who gets it, who keeps it, who takes it over. */
import { expect, test } from "vitest";
import { JobHolder, type JobBook, type JobRow } from "../../../src/hub/cluster/job-holder.ts";

/** One row that hubs share; `lost` lets the next change through and tells nobody of it. */
class Book {
  row: JobRow = { owner: null, epoch: 0 };
  lost = false;

  of(inc: string): JobBook {
    return {
      job: () => Promise.resolve(this.row),
      takeJob: (_, seenEpoch) => {
        const isTaken = this.row.epoch === seenEpoch;
        if (isTaken) this.row = { owner: inc, epoch: seenEpoch + 1 };
        return this.#told(isTaken);
      },
      endJob: (_, epoch) => {
        if (this.row.owner === inc && this.row.epoch === epoch)
          this.row = { ...this.row, owner: null };
        return this.#told(undefined);
      },
    };
  }

  #told<T>(answer: T): Promise<T> {
    const { lost } = this;
    this.lost = false;
    return lost ? Promise.reject(new Error("no answer")) : Promise.resolve(answer);
  }
}

function hub(book: Book, inc: string) {
  const members = { inc, dead: [] as string[], isDraining: false, leased: true };
  const seen = { ...members, mayAct: () => seen.leased };
  return { members: seen, job: new JobHolder("strays", book.of(inc), seen) };
}

test("[CL17] of many that want it at once one gets it, and keeps it under one epoch", async () => {
  const book = new Book();
  const hubs = ["a", "b", "c"].map((inc) => hub(book, inc));
  const took = await Promise.all(hubs.map(({ job }) => job.take()));
  expect(took).toEqual([true, false, false]);
  expect(await Promise.all(hubs.map(({ job }) => job.take()))).toEqual(took);
  expect(book.row).toEqual({ owner: "a", epoch: 1 });
});

test("[CL17] it is given back by one that drains or ends, and taken over from a dead one", async () => {
  const book = new Book();
  const [a, b] = [hub(book, "a"), hub(book, "b")];
  expect(await a.job.take()).toBe(true);
  await a.job.end();
  expect([await b.job.take(), await a.job.take()]).toEqual([true, false]);
  b.members.isDraining = true;
  expect([await b.job.take(), await a.job.take()]).toEqual([false, true]);
  expect(await hub(book, "c").job.take()).toBe(false);
  const heir = hub(book, "d");
  heir.members.dead.push("a");
  expect(await heir.job.take()).toBe(true);
  expect(book.row).toEqual({ owner: "d", epoch: 4 });
});

test("[CL17] without its lease a hub neither takes it nor goes on with it", async () => {
  const book = new Book();
  const { job, members } = hub(book, "a");
  members.leased = false;
  expect([await job.take(), book.row.owner]).toEqual([false, null]);
  members.leased = true;
  expect(await job.take()).toBe(true);
  members.leased = false;
  expect(await job.take()).toBe(false);
  // Nobody may have it meanwhile: this hub is not dead.
  expect(await hub(book, "b").job.take()).toBe(false);
  members.leased = true;
  expect([await job.take(), book.row.epoch]).toEqual([true, 1]);
});

test("[CL17] an answer that was lost leaves no job that nobody does", async () => {
  const book = new Book();
  const [a, b] = [hub(book, "a"), hub(book, "b")];
  book.lost = true;
  await expect(a.job.take()).rejects.toThrow("no answer");
  expect([await b.job.take(), await a.job.take()]).toEqual([false, true]);
  book.lost = true;
  await expect(a.job.end()).rejects.toThrow("no answer");
  expect(await b.job.take()).toBe(true);
});

test("[CL17] a store that came back with an older state takes it away from who had it last", async () => {
  const book = new Book();
  const [a, b] = [hub(book, "a"), hub(book, "b")];
  await a.job.take();
  const old = book.row;
  await a.job.end();
  expect(await b.job.take()).toBe(true);
  book.row = old;
  expect(await a.job.take()).toBe(true);
  expect(await b.job.take()).toBe(false);
});
