/** Facts of one turn on the disk together: what that must not change, and what it saves. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { HubError } from "../../src/base/hub-error.ts";
import { GroupedSqliteStore } from "../../src/store/sqlite/grouped-store.ts";
import { SqliteStore, type KeptFact } from "../../src/store/sqlite/sqlite-store.ts";
import { fact, record, storeContract } from "../contract/store-contract.ts";

/** A file that counts its transactions, and refuses when told to. */
class WatchedFile extends SqliteStore {
  readonly kept: number[] = [];
  refuses = false;

  override keep(facts: readonly KeptFact[]): readonly number[] {
    if (this.refuses) throw new HubError("StoreRefuses", "the disk is full");
    this.kept.push(facts.length);
    return super.keep(facts);
  }
}

let directory: string;
let file: WatchedFile | null;
let opened: GroupedSqliteStore | null;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-grouped-"));
  file = opened = null;
});
afterEach(async () => {
  await opened?.close();
  rmSync(directory, { recursive: true, force: true });
});

function open(): GroupedSqliteStore {
  file = new WatchedFile(join(directory, "store.sqlite"));
  opened = new GroupedSqliteStore(file, systemClock);
  return opened;
}

function theFile(): WatchedFile {
  if (file === null) throw new Error("no store is open");
  return file;
}

storeContract("grouped sqlite", open, async () => {
  await opened?.close();
  return open();
});

const made = (n: number) => fact("session.created", {}, 2_000 + n);

describe("facts of one turn", () => {
  test("[FA21] are one transaction, of many sessions and in their order", async () => {
    const store = open();
    const first = Array.from({ length: 20 }, (_, n) => store.create(record(n), made(n)));
    const second = first.map((one, n) => {
      if (one === null) throw new Error("not made");
      return store.append(one.record, fact("driver.launched", { driverDir: `/${n}` }, 3_000 + n));
    });
    expect(store.settled("ses_3")).not.toBeNull();
    for (const { event } of second) await event;
    expect(theFile().kept).toEqual([40]);
    expect(store.settled("ses_3")).toBeNull();
    const kinds = store.events({ after: 0, session: "ses_3", limit: 9 }).map(({ kind }) => kind);
    expect(kinds).toEqual(["session.created", "driver.launched"]);
  });

  test("[FA21] a name is taken from the moment in which its session is made", async () => {
    const store = open();
    const one = store.create(record(1, "same"), made(1));
    expect(store.create(record(2, "same"), made(2))).toBeNull();
    await one?.event;
    expect(store.create(record(3, "same"), made(3))).toBeNull();
  });

  test("[FA21] what waits when the store closes is kept", async () => {
    const store = open();
    const before = store.create(record(1), made(1));
    await store.close();
    opened = null;
    await before?.event;
    expect([...open().load()]).toMatchObject([{ id: "ses_1" }]);
  });

  test("[FA21] what the disk refuses is offered again, and more is refused meanwhile", async () => {
    const store = open();
    const one = store.create(record(1), made(1));
    theFile().refuses = true;
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    if (one === null) throw new Error("not made");
    expect(() => store.append(one.record, fact("driver.launched"))).toThrow("the disk is full");
    expect(() => store.check()).toThrow("the disk is full");
    expect(store.find("ses_1")).toBeNull();
    theFile().refuses = false;
    await one.event;
    expect(store.find("ses_1")).toMatchObject({ id: "ses_1" });
    expect(() => store.check()).not.toThrow();
  });

  test("[FA6] what was acknowledged survives kill -9", async () => {
    const writer = join(import.meta.dirname, "..", "support", "store-writer.ts");
    const path = join(directory, "store.sqlite");
    const flags = ["--disable-warning=ExperimentalWarning", writer, path, "grouped"];
    const child = spawn(process.execPath, flags, { stdio: ["ignore", "pipe", "inherit"] });
    let acknowledged = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      acknowledged = Number(chunk.toString().trimEnd().split("\n").at(-1));
      if (acknowledged >= 60) child.kill("SIGKILL");
    });
    await new Promise((ended) => child.once("exit", ended));
    const kept = open().events({ after: 0, limit: 10_000 });
    expect(acknowledged).toBeGreaterThanOrEqual(60);
    expect(kept.length).toBeGreaterThanOrEqual(acknowledged);
  });
});
