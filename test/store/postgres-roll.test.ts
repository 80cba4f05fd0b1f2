/** Hubs that share a real PostgreSQL: beats, verdicts, and an engine that dies under them. */
import { beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { Membership } from "../../src/hub/cluster/membership.ts";
import type { HubSelf } from "../../src/hub/cluster/roll-book.ts";
import { PostgresRoll } from "../../src/store/postgres/postgres-roll.ts";
import { PostgresStore } from "../../src/store/postgres/postgres-store.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { ownPostgres } from "../support/own-postgres.ts";
import { until } from "../support/until.ts";

const self = (inc: string, name = inc): HubSelf => ({
  inc,
  name,
  advertise: `127.0.0.1:${inc.length}`,
  version: "1",
  started: 7,
});

describeWhere([needs.postgres], "the roll in PostgreSQL", () => {
  const postgres = ownPostgres();
  let store: PostgresStore;

  beforeEach(async () => {
    // It makes the tables.
    const { url } = postgres;
    const opened = PostgresStore.open({ url, inc: "x", clock: systemClock, log: silentLogger });
    store = postgres.closes(await opened);
  });

  const open = (): PostgresRoll => postgres.closes(new PostgresRoll(postgres.url));

  test("[CL4] a beat adds one and shows all; one that was seen to stand still can be ended", async () => {
    const [a, b] = [open(), open()];
    await a.register(self("a"));
    await b.register(self("b"));
    expect((await a.beat("a"))?.map(({ inc, beat }) => [inc, beat])).toEqual([
      ["a", 1],
      ["b", 0],
    ]);
    await b.beat("b");
    // It beat after it was last seen.
    expect(await a.declareDead("b", 0)).toBe(false);
    expect(await a.declareDead("b", 1)).toBe(true);
    expect(await a.declareDead("b", 1)).toBe(false);
    expect(await b.beat("b")).toBeNull();
    const seen = await a.beat("a");
    expect(seen?.find(({ inc }) => inc === "b")).toEqual({
      ...self("b"),
      state: "dead",
      beat: 1,
      linked: false,
    });
  });

  test("[CL4] a restart under the same name ends the life before, and draining still beats", async () => {
    const roll = open();
    await roll.register(self("a1", "a"));
    await roll.enter("a1", "draining");
    expect((await roll.beat("a1"))?.[0]).toMatchObject({ state: "draining", beat: 1 });
    await roll.register(self("a2", "a"));
    // Its answer was lost: asked again it is the same life.
    await roll.register(self("a2", "a"));
    expect(await roll.beat("a1")).toBeNull();
    expect((await roll.beat("a2"))?.[0]).toMatchObject({ inc: "a2", state: "live", beat: 1 });
    await roll.enter("a2", "gone");
    expect(await roll.beat("a2")).toBeNull();
  });

  test("[CL35] all see whose connection stands, and each hears when its own breaks", async () => {
    let lost = 0;
    // One that names its program in its URL is listed by its life all the same.
    const url = `${postgres.url}&application_name=all`;
    const ofLife = (life: string, onLost = (): void => undefined): PostgresRoll =>
      postgres.closes(new PostgresRoll(url, { life, onLost }));
    const [a, b] = [ofLife("a"), ofLife("b", () => (lost += 1))];
    await a.register(self("a"));
    await b.register(self("b"));
    const linked = async () =>
      (await a.beat("a"))?.map(({ inc, linked }) => `${inc} ${linked}`) ?? [];
    expect(await linked()).toEqual(["a true", "b true"]);
    await postgres.server.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast b'",
    );
    await until(async () => (await linked()).includes("b false"));
    await until(() => lost === 1);
    expect(await b.beat("b")).toHaveLength(2);
    expect(await linked()).toEqual(["a true", "b true"]);
  });

  test("[CL17] of many that take a job one has it, until it ends it or another takes it over", async () => {
    const holders = await Promise.all(
      ["a", "b", "c", "d"].map((inc) => {
        const { url } = postgres;
        return PostgresStore.open({ url, inc, clock: systemClock, log: silentLogger });
      }),
    );
    try {
      const [a, b] = holders.map(({ jobs }) => jobs);
      const took = await Promise.all(holders.map(({ jobs }) => jobs.takeJob("strays", 0)));
      expect(took.filter(Boolean)).toHaveLength(1);
      const owner = ["a", "b", "c", "d"][took.indexOf(true)];
      expect(await a?.job("strays")).toEqual({ owner, epoch: 1 });
      expect(await a?.job("control")).toEqual({ owner: null, epoch: 0 });
      expect(await store.owners()).toEqual([owner]);
      // Whoever has it no more ends nothing.
      expect(await b?.takeJob("strays", 1)).toBe(true);
      await a?.endJob("strays", 1);
      await a?.endJob("strays", 2);
      expect(await a?.job("strays")).toEqual({ owner: "b", epoch: 2 });
      await b?.endJob("strays", 2);
      expect(await a?.job("strays")).toEqual({ owner: null, epoch: 2 });
      expect(await b?.takeJob("strays", 1)).toBe(false);
      expect(await store.owners()).toEqual([]);
    } finally {
      for (const one of holders) await one.close();
    }
  });

  test("[CL5] an engine that dies and comes back declares nobody dead", async () => {
    const dead: string[] = [];
    const members = ["a", "b"].map((inc) => {
      const onDeclaredDead = (): void => void dead.push(inc);
      const onDead = (incs: readonly string[]): void => void dead.push(...incs);
      const refuses = (): Promise<boolean> => Promise.resolve(true);
      const told = { onDeclaredDead, onDead, refuses, clock: systemClock, log: silentLogger };
      return new Membership({ self: self(inc), book: open(), ...told });
    });
    for (const member of members) await member.start();
    expect(members.map((member) => member.mayAct(2_000))).toEqual([true, true]);
    await postgres.server.kill();
    await postgres.server.run();
    const isBack = (): boolean => members.every((member) => member.leaseMs > 2_500);
    await until(isBack, () => members.map((member) => member.leaseMs).join(" "));
    expect(dead).toEqual([]);
    for (const member of members) await member.leave();
    expect(members.map((member) => member.mayAct())).toEqual([false, false]);
  }, 20_000);
});
