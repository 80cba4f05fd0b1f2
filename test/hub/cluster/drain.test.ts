/** A hub that gives all its sessions to the others, because it was asked to or because it ends. */
import { createServer } from "node:http";
import { expect, test } from "vitest";
import { silentLogger } from "../../../src/base/log.ts";
import { Cluster } from "../../../src/hub/cluster/cluster.ts";
import type { ClusterSeat } from "../../../src/hub/cluster/open-cluster.ts";
import { hubHttp } from "../../support/hub-http.ts";
import { HubWorld } from "../../support/hub-world.ts";
import { settled, TestClock } from "../../support/test-clock.ts";

const done = (): Promise<void> => Promise.resolve();
const SESSIONS = 450;
const BALANCER_MS = 3_000;

async function cluster({ hasHeir, fails = 0 }: { hasHeir: boolean; fails?: number }) {
  const clock = new TestClock();
  const owned = new Set(Array.from({ length: SESSIONS }, (_, n) => `ses_${n}`));
  const said: string[] = [];
  let failsLeft = fails;
  const store = {
    places: () => Promise.resolve([...owned].map((id) => ({ id, owner: "me", fence: 1 }))),
    release: (ids: readonly string[]) => {
      failsLeft -= 1;
      if (failsLeft >= 0) return Promise.reject(new Error("PostgreSQL does not answer"));
      for (const id of ids) owned.delete(id);
      said.push(`released ${ids.length}`);
      return Promise.resolve(ids);
    },
    unproven: () => Promise.resolve([]),
    close: done,
  };
  const members = {
    ...{ hasHeir, isAlone: !hasHeir, hubs: [], dead: [], inc: "me", leaseMs: 3_000 },
    mayAct: () => true,
    start: done,
    onReturn: () => undefined,
    stop: () => said.push("stopped"),
    leave: () => Promise.resolve(said.push("left")),
    drain: () => Promise.resolve(said.push("draining")),
    serve: () => Promise.resolve(said.push("serving")),
  };
  const peers = { serve: () => undefined, close: done };
  const untilThere = <T>(work: () => Promise<T>): Promise<T> => work();
  const parts = { members, store, peers, roll: { close: done }, untilThere, jobs: {} };
  const seat = parts as unknown as ClusterSeat;
  const household = {
    has: (id: string) => owned.has(id),
    owned: () => [...owned],
    adopt: () => undefined,
    let: (ids: readonly string[]) => {
      said.push(`let ${ids.length}`);
      return () => undefined;
    },
    isCrowded: () => false,
  };
  Object.assign(store, { orphans: () => Promise.resolve([]) });
  const made = new Cluster({ seat, household, clock, log: silentLogger });
  await made.join(createServer());
  return { clock, cluster: made, members, store, owned, said };
}

test("[CL13] one that is asked tells balancers first, then gives all back in parts, and stays", async () => {
  const { clock, cluster: hub, owned, said } = await cluster({ hasHeir: true });
  expect(hub.view.drain).toBeNull();
  hub.beginDrain();
  expect(hub.view.drain).toMatchObject({ step: "announced", sessions: SESSIONS });
  await clock.advanceAsync(BALANCER_MS - 1);
  expect([said, owned.size]).toEqual([[], SESSIONS]);
  await clock.advanceAsync(1);
  expect(hub.view.drain).toMatchObject({ step: "moving" });
  expect(said).toEqual(["draining", "let 10", "released 10"]);
  hub.beginDrain();
  await clock.advanceAsync(9_000);
  expect(hub.view.drain).toMatchObject({ step: "done", sessions: SESSIONS });
  const parts = said.filter((word) => word.startsWith("released"));
  expect([parts.length, parts.at(-1)]).toEqual([45, "released 10"]);
  // It beats on, and a stop has nothing left to wait for.
  expect([owned.size, said.includes("stopped"), said.includes("left")]).toEqual([0, false, false]);
  await hub.drain();
});

test("[CL13] an answer that is lost is asked for again until nothing is left", async () => {
  const { clock, cluster: hub, owned } = await cluster({ hasHeir: true, fails: 3 });
  hub.beginDrain();
  await clock.advanceAsync(BALANCER_MS + 10_000);
  expect([owned.size, hub.view.drain?.step]).toEqual([0, "done"]);
});

test("[CL13] where nobody would take them an operator is refused, and a stop gives them back", async () => {
  const { clock, cluster: hub, owned } = await cluster({ hasHeir: false });
  expect(() => hub.beginDrain()).toThrow("no other hub is there to take its sessions");
  expect(hub.view.drain).toBeNull();
  const stopped = hub.drain();
  // Nobody else is there to be sent to.
  await clock.advanceAsync(1_000);
  await stopped;
  expect(owned.size).toBe(0);
});

test("[CL13] once nobody is left to take them it is called off, also when all were given", async () => {
  const { clock, cluster: hub, members, store, owned, said } = await cluster({ hasHeir: true });
  hub.beginDrain();
  await clock.advanceAsync(BALANCER_MS + 1_000);
  members.hasHeir = false;
  await clock.advanceAsync(1_000);
  const left = owned.size;
  expect([left > 0 && left < SESSIONS, hub.view.drain, said.at(-1)]).toEqual([
    true,
    null,
    "serving",
  ]);
  await clock.advanceAsync(20_000);
  expect([owned.size, said.filter((word) => word === "serving")]).toEqual([left, ["serving"]]);
  members.hasHeir = true;
  hub.beginDrain();
  await clock.advanceAsync(20_000);
  expect([owned.size, hub.view.drain?.step]).toEqual([0, "done"]);
  // What the last of the others had is taken here again.
  members.hasHeir = false;
  const orphan = { id: "ses_1", name: "one", owner: "inc_dead", fence: 2 };
  Object.assign(store, {
    orphans: () => Promise.resolve([orphan]),
    claimAll: (places: readonly { id: string }[]) => {
      for (const { id } of places) owned.add(id);
      return Promise.resolve(places);
    },
  });
  await clock.advanceAsync(6_000);
  expect([[...owned], hub.view.drain, said.at(-1)]).toEqual([["ses_1"], null, "serving"]);
});

test("[CL13] a stop during a drain gives the rest to nobody, if need be", async () => {
  const { clock, cluster: hub, members, owned, said } = await cluster({ hasHeir: true });
  hub.beginDrain();
  await clock.advanceAsync(BALANCER_MS + 1_000);
  expect(owned.size).toBeGreaterThan(0);
  const stopped = hub.drain();
  members.hasHeir = false;
  await clock.advanceAsync(20_000);
  await stopped;
  expect([owned.size, said.includes("serving")]).toEqual([0, false]);
});

test("[CL13] a stop that PostgreSQL does not answer ends after twenty seconds", async () => {
  const { clock, cluster: hub, owned } = await cluster({ hasHeir: true, fails: Infinity });
  let isOver = false;
  void hub.drain().then(() => (isOver = true));
  await clock.advanceAsync(19_999);
  expect(isOver).toBe(false);
  await clock.advanceAsync(1);
  expect([isOver, owned.size]).toEqual([true, SESSIONS]);
});

test("[CL13] over HTTP: not ready, nothing new, how far it is; a hub of its own refuses", async () => {
  const world = new HubWorld();
  const http = hubHttp(world);
  const refused = await http.ask("POST", "/v1/hubs/drain");
  expect([refused.status, refused.json["code"]]).toEqual([409, "StateConflict"]);
  expect(refused.json["hint"]).toContain("holdfast down");
  const startedAt = new Date(0).toISOString();
  const me = { ...{ id: "inc_1", name: "a", self: true }, state: "live" } as const;
  const hubs = [{ ...me, version: "1", advertise: "127.0.0.1:1", startedAt }];
  const draining = (step: "announced" | "moving" | "done"): void => {
    http.cluster = { leaseMs: 3_000, hubs, drain: { step, startedAt, sessions: 2 } };
  };
  draining("announced");
  expect((await http.ask("GET", "/readyz")).status).toBe(503);
  expect((await http.ask("POST", "/v1/sessions", { name: "early" })).status).toBe(202);
  draining("moving");
  const late = await http.ask("POST", "/v1/sessions", { name: "late" });
  expect([late.status, late.json["code"]]).toEqual([503, "HubBusy"]);
  expect(world.sessions.known("late")).toBeUndefined();
  const { json } = await http.ask("GET", "/v1/hubs");
  expect(json["items"]).toMatchObject([
    { self: true, ready: false, sessions: 1, drain: { step: "moving", sessions: 2 } },
  ]);
  await settled();
  const audit = (await http.ask("GET", "/v1/audit")).json["items"] as { what: string }[];
  expect(audit.map(({ what }) => what)).toContain("POST /v1/hubs/drain");
});
