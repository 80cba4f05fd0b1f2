/** A hub that ends lets go of whom it had joined to another hub, or had waiting for one. */
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { seededRandom } from "../../../src/base/random.ts";
import type { Elsewhere, Way } from "../../../src/hub/cluster/company.ts";
import { createUpgradeGate, type UpgradeGate } from "../../../src/hub/server/upgrade.ts";
import { Switchboard } from "../../../src/hub/switchboard/attach.ts";
import { SUBPROTOCOL } from "../../../src/protocol/version.ts";
import { ADMIN_TOKEN, hubHttp } from "../../support/hub-http.ts";
import { HubWorld } from "../../support/hub-world.ts";

const DIAL = [
  "host: 127.0.0.1",
  "connection: upgrade",
  "upgrade: websocket",
  "sec-websocket-version: 13",
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
  `sec-websocket-protocol: ${SUBPROTOCOL}`,
];

let other: Server;
let front: HttpServer;
let gate: UpgradeGate;
let reach: Elsewhere["reach"];
let asked: number;
let place: Elsewhere["place"];
let tokenOf: (tenant: string) => Promise<string>;
let driverToken: (session: string) => string;

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
const toOther = (): Way => ({ to: "b", peer: connect(portOf(other), "127.0.0.1") });
const listening = (server: Server) =>
  new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const closed = (server: Server) => new Promise((resolve) => server.close(resolve));

beforeEach(async () => {
  asked = 0;
  place = () => Promise.resolve(null);
  // Never ends a connection by itself, as a driver's link does not.
  other = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.write("joined"));
  });
  await listening(other);
  const world = new HubWorld();
  const { access, previews } = hubHttp(world);
  const { sessions } = world;
  tokenOf = async (tenant) => {
    const made = { name: "t", role: "owner", sessions: null, createdBy: "admin" } as const;
    return (await access.tokens.create({ ...made, tenant, forMs: 60_000 })).token;
  };
  driverToken = (session) => access.driverToken(session, "box");
  world.create({ name: "far" });
  const switchboard = new Switchboard({
    hubId: "hub_a",
    clock: systemClock,
    random: seededRandom("far road"),
    log: silentLogger,
    find: sessions.find.bind(sessions),
  });
  const elsewhere: Elsewhere = {
    isShared: true,
    roster: null,
    isPeer: () => false,
    reach: (session, isDriver) => {
      asked += 1;
      return reach(session, isDriver);
    },
    place: (session) => place(session),
    made: () => Promise.resolve(null),
    explain: () => Promise.resolve(null),
  };
  const texts = { isFor: () => false, upgrade: () => Promise.resolve(), close: () => undefined };
  const board = { access, previews, sessions, switchboard, texts, elsewhere, log: silentLogger };
  const queue = { crowded: () => undefined };
  gate = createUpgradeGate({ ...board, queue, isReady: () => true });
  front = createHttpServer();
  gate.attach(front);
  await listening(front);
});
afterEach(() => closed(other));

function dial(
  token = ADMIN_TOKEN,
  session = "elsewhere",
  door = "client",
): {
  readonly socket: Socket;
  readonly ended: Promise<unknown>;
  heard: () => string;
} {
  const socket = connect(portOf(front), "127.0.0.1");
  let heard = "";
  socket.on("data", (chunk) => (heard += chunk.toString()));
  socket.on("error", () => undefined);
  const ended = new Promise((resolve) => socket.once("close", resolve));
  const head = [`GET /v1/${door}?session=${session} HTTP/1.1`, `authorization: Bearer ${token}`];
  const lines = [head[0], ...DIAL, head[1]];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  return { socket, ended, heard: () => heard };
}

test("[CL10] who is joined to another hub is let go by one that ends, whose listener closes", async () => {
  reach = () => Promise.resolve(toOther());
  const client = dial();
  await expect.poll(client.heard).toBe("joined");
  gate.close();
  await closed(front);
  await client.ended;
});

test("[CL10] so is who still waits to hear where the session is, and it is joined to nobody then", async () => {
  const told = Promise.withResolvers<Way>();
  reach = () => told.promise;
  const client = dial();
  await expect.poll(() => asked).toBe(1);
  gate.close();
  await closed(front);
  await client.ended;
  const late = toOther();
  told.resolve(late);
  await expect.poll(() => late.peer.destroyed).toBe(true);
});

test("[AU18] who may not see a session of another hub is not joined to it, as to none", async () => {
  const known = new Map([["acme/far", { id: "ses_1", name: "acme/far" }]]);
  place = (session) => Promise.resolve(known.get(session) ?? null);
  reach = () => Promise.resolve(toOther());
  const refused = [
    dial(await tokenOf("beta"), "far"),
    dial(await tokenOf("beta"), "acme/far"),
    dial(await tokenOf("beta"), "nobody"),
  ];
  for (const { heard } of refused) await expect.poll(heard).toContain("404 Not Found");
  expect(asked).toBe(0);
  // Its own of that name is joined, although the hub has one of its own here.
  const own = dial(await tokenOf("acme"), "far");
  await expect.poll(own.heard).toBe("joined");
  gate.close();
  await closed(front);
  await Promise.all([own.ended, ...refused.map(({ ended }) => ended)]);
});

test("[CL16] a driver's session is its token's, whatever its URL says", async () => {
  const wanted: unknown[] = [];
  reach = (...of) => {
    wanted.push(of);
    return Promise.resolve(toOther());
  };
  const driver = dial(driverToken("ses_own"), "elsewhere", "driver");
  await expect.poll(driver.heard).toBe("joined");
  expect(wanted).toEqual([["ses_own", true]]);
  gate.close();
  await closed(front);
  await driver.ended;
});

test("[SB25] who has gone before he is looked at is looked for nowhere", async () => {
  reach = () => Promise.resolve(toOther());
  const gone = dial(driverToken("ses_far"), "ses_far", "driver");
  gone.socket.end();
  await gone.ended;
  expect([asked, gone.heard()]).toEqual([0, ""]);
  const there = dial(driverToken("ses_far"), "ses_far", "driver");
  await expect.poll(there.heard).toBe("joined");
  there.socket.destroy();
  await closed(front);
});

test("[SB25] who goes while he waits is joined to nobody, and keeps nothing open", async () => {
  const told = Promise.withResolvers<Way>();
  reach = () => told.promise;
  const gone = dial(driverToken("ses_far"), "ses_far", "driver");
  await expect.poll(() => asked).toBe(1);
  gone.socket.end();
  const way = toOther();
  told.resolve(way);
  await gone.ended;
  expect([way.peer.destroyed, gone.heard()]).toEqual([true, ""]);
  await closed(front);
});
