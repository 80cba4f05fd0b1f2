/** How many connections nobody may hold, and who makes room: real sockets, several addresses. */
import { readFileSync } from "node:fs";
import { createServer, Agent, get, type Server } from "node:http";
import { createServer as createSecureServer, get as getSafely } from "node:https";
import { connect, type AddressInfo, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { networkOf, Strangers } from "../../src/hub/server/strangers.ts";
import { FrameType } from "../../src/protocol/frame.ts";
import { Certificates } from "../support/certificates.ts";
import { ADMIN_TOKEN } from "../support/hub-http.ts";
import { hubServer, rawConnection } from "../support/hub-server.ts";
import { HubWorld } from "../support/hub-world.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";

const ROOM = 6;

// Elsewhere a loopback interface has one address.
describeWhere([needs.linux], "connections of nobody", () => {
  let server: Server;
  let strangers: Strangers;
  let held: (() => void)[];
  const sockets: Socket[] = [];

  beforeEach(async () => {
    strangers = new Strangers(ROOM);
    held = [];
    server = createServer(({ socket, url }, response) => {
      const over = strangers.hold(socket);
      response.once("close", over);
      if (url === "/wait") held.push(() => response.end());
      else response.end();
    });
    strangers.watch(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    server.closeAllConnections();
    server.close();
  });

  const port = (): number => (server.address() as AddressInfo).port;
  const open = async (localAddress: string): Promise<Socket> => {
    const socket = connect({ host: "127.0.0.1", port: port(), localAddress });
    sockets.push(socket.on("error", () => undefined).resume());
    const seen = strangers.counts.open + strangers.counts.ended;
    await until(() => strangers.counts.open + strangers.counts.ended > seen);
    return socket;
  };
  const openAll = async (from: string, count: number): Promise<Socket[]> => {
    const all: Socket[] = [];
    for (let at = 0; at < count; at += 1) all.push(await open(from));
    return all;
  };

  test("[AC25] the oldest of the address with most of them makes room", async () => {
    const few = await openAll("127.0.0.2", 2);
    const many = await openAll("127.0.0.3", ROOM - 2);
    const late = await open("127.0.0.4");
    await until(() => many[0]?.closed === true);
    expect(strangers.counts).toEqual({ open: ROOM, ended: 1 });
    const more = await openAll("127.0.0.3", 3);
    await until(() => many.every(({ closed }) => closed));
    expect([...few, ...more, late].map(({ closed }) => closed)).toEqual(Array(ROOM).fill(false));
    for (const socket of [...few, ...more, late]) socket.destroy();
    await until(() => strangers.counts.open === 0);
  });

  test("[AC25] whoever is known is none of them for as long as a call is under way", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (path: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        get({ port: port(), path, agent }, (answer) => {
          answer.resume().once("end", () => resolve(answer.statusCode));
        }).once("error", reject);
      });
    const waiting = ask("/wait");
    await until(() => held.length === 1);
    expect(strangers.counts.open).toBe(0);
    await openAll("127.0.0.1", 2 * ROOM);
    expect(strangers.counts).toEqual({ open: ROOM, ended: ROOM });
    held[0]?.();
    expect(await waiting).toBe(200);
    // Idle again it is the newest, and makes room when others have come after it.
    await until(() => strangers.counts.ended === ROOM + 1);
    expect(await ask("/")).toBe(200);
    agent.destroy();
  });

  test("[AC25] calls that are sent ahead hold their connection until the last is answered", async () => {
    const socket = await open("127.0.0.2");
    socket.write("GET /wait HTTP/1.1\r\nHost: a\r\n\r\nGET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    await until(() => held.length === 2);
    held[0]?.();
    await openAll("127.0.0.2", 2 * ROOM);
    expect(socket.closed).toBe(false);
    held[1]?.();
  });

  test("[AC25] at the hub's doors: a token, a ticket or a driver makes it somebody's", async () => {
    const world = new HubWorld();
    const hub = await hubServer(world);
    const { counts } = { counts: () => hub.access.strangers.counts.open };
    try {
      const nobody = await rawConnection(hub.port);
      const { id } = world.create().record;
      await world.clock.advanceAsync(10);
      await until(() => counts() === 1);
      const client = await hub.client(ADMIN_TOKEN);
      const driver = await hub.driver(id);
      expect(counts()).toBe(1);
      const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
      const gone = new AbortController();
      await fetch(`http://127.0.0.1:${hub.port}/v1/events`, { headers, signal: gone.signal });
      expect(counts()).toBe(1);
      gone.abort();
      client.helloAsClient();
      await client.hear(FrameType.welcome);
      nobody.socket.destroy();
      await until(() => counts() === 0);
      client.socket.terminate();
      driver.socket.terminate();
      await Promise.all([client.end(), driver.end()]);
      expect(counts()).toBe(0);
    } finally {
      await hub.close();
    }
  });
});

test.each([
  ["127.0.0.1", "127.0.0.1"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:db8::6", "2001:db8:0:0"],
  ["::1", "0:0:0:0"],
  ["fe80::1%eth0", "fe80:0:0:0"],
  [undefined, ""],
])("[AC25] who comes from %s is of %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});

describeWhere([needs.openssl], "connections of nobody, with TLS", () => {
  test("[AC25] whoever is known behind TLS is none of them either", async () => {
    const all = new Certificates();
    const { cert, key } = all.pair("hub");
    const strangers = new Strangers(ROOM);
    const pem = { cert: readFileSync(cert), key: readFileSync(key) };
    let during = -1;
    const server = createSecureServer(pem, ({ socket }, response) => {
      response.once("close", strangers.hold(socket));
      during = strangers.counts.open;
      response.end();
    });
    strangers.watch(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const mute = await rawConnection(port);
      const status = await new Promise((resolve, reject) => {
        getSafely({ port, ca: all.rootPem, agent: false }, (answer) => {
          answer.resume().once("end", () => resolve(answer.statusCode));
        }).once("error", reject);
      });
      expect([status, during]).toEqual([200, 1]);
      mute.socket.destroy();
      await until(() => strangers.counts.open === 0);
    } finally {
      server.closeAllConnections();
      server.close();
      all.remove();
    }
  });
});
