/** A hub that starts while its PostgreSQL is away, against a real one that comes late. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { HubError } from "../../src/base/hub-error.ts";
import { silentLogger } from "../../src/base/log.ts";
import { openCluster, type ClusterSeat } from "../../src/hub/cluster/open-cluster.ts";
import { untilThere } from "../../src/store/postgres/until-there.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { TestClock } from "../support/test-clock.ts";
import { until } from "../support/until.ts";

const refused = (): Error => Object.assign(new Error("refused"), { code: "ECONNREFUSED" });

test("[CL21] one that is away is asked until it is there, and that is said twice a minute", async () => {
  const clock = new TestClock();
  const said: string[] = [];
  let [asked, isThere] = [0, false];
  const work = (): Promise<string> => {
    asked += 1;
    return isThere ? Promise.resolve("there") : Promise.reject(refused());
  };
  const there = untilThere(work, { clock, waits: (why) => said.push(why) });
  await clock.advanceAsync(29_000);
  expect([asked > 20, said]).toEqual([true, ["refused"]]);
  await clock.advanceAsync(2_000);
  expect(said).toHaveLength(2);
  isThere = true;
  await clock.advanceAsync(1_000);
  expect(await there).toBe("there");
  expect(clock.pendingTimers).toBe(0);
});

test("[CL21] what is a person's to mend is not waited for", async () => {
  const patience = { clock: new TestClock(), waits: () => expect.unreachable("it waits") };
  const failures = [
    Object.assign(new Error("no such name"), { code: "ENOTFOUND" }),
    Object.assign(new Error("password authentication failed"), { code: "28P01" }),
    Object.assign(new Error("no such database"), { code: "3D000" }),
    new HubError("StoreCorrupt", "of a newer Holdfast"),
    new Error("The server does not support SSL connections"),
  ];
  for (const failure of failures) {
    const asked = untilThere(() => Promise.reject(failure), patience);
    await expect(asked).rejects.toBe(failure);
  }
});

describeWhere([needs.postgres], "a hub's seat on a PostgreSQL that comes late", () => {
  let server: PostgresServer;
  let copy: PostgresServer;
  const seats: ClusterSeat[] = [];
  beforeAll(async () => {
    server = await PostgresServer.start();
    copy = await server.follower(server.port);
  }, 60_000);
  afterEach(async () => {
    for (const { members, roll, store, peers } of seats.splice(0)) {
      members.stop();
      await Promise.all([roll.close(), store.close(), peers.close()]);
    }
  });
  afterAll(async () => {
    await copy.stop();
    await server.stop();
  });

  const open = async (url: string, said: string[]): Promise<ClusterSeat> => {
    const peerListen = { host: "127.0.0.1", port: 0 };
    const secret = "a secret of hubs that come early";
    const settings = { url, secret, name: "early", peerListen, advertise: null };
    const waits = (why: string): void => void said.push(why);
    const given = { clock: systemClock, log: silentLogger, waits };
    const seat = await openCluster(settings, { hubId: "hub_early", version: "0" }, given);
    seats.push(seat);
    return seat;
  };

  test("[CL21] one that is down: the seat is there when it is, and beats", async () => {
    const said: string[] = [];
    await server.kill();
    const opening = open(server.url.replace("holdfast@", "holdfast:hush@"), said);
    await until(() => said.length > 0);
    expect(said[0]).toContain(`cannot use postgres://127.0.0.1:${server.port}/postgres: `);
    expect(said[0]).not.toContain("hush");
    await server.run();
    const seat = await opening;
    await server.kill();
    const entering = seat.untilThere(() => seat.members.start());
    await until(() => said.length > 1);
    await server.run();
    await entering;
    expect(seat.members.mayAct()).toBe(true);
  }, 30_000);

  test("[CL21] a standby is waited for until it is promoted, and then takes facts", async () => {
    const said: string[] = [];
    const opening = open(copy.url, said);
    await until(() => said.length > 0);
    expect(said[0]).toBe("this PostgreSQL is a standby in recovery");
    await copy.promote();
    expect((await opening).clusterId).toMatch(/^hub_/);
  }, 30_000);
});
