/** How many connections a hub takes in a turn of its event loop. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect, type NetConnectOpts } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { silentLogger } from "../../src/base/log.ts";
import { Acceptors } from "../../src/hub/server/acceptors.ts";
import { LISTEN_BACKLOG } from "../../src/hub/server/listener.ts";

const CONNECTIONS = 40;
const directory = mkdtempSync(join(tmpdir(), "hft-"));
const path = join(directory, "door.sock");
const ways = [
  ["a port", { host: "127.0.0.1", port: 0 }],
  ["a socket in a directory", { path }],
] as const;

afterEach(() => rmSync(path, { force: true }));
afterAll(() => rmSync(directory, { recursive: true }));

describe("the doors of a hub", () => {
  test.for(ways)("[SB24] %s: eight are taken in a turn, and all are answered", async ([, way]) => {
    const { server, address } = await listening(way);
    const acceptors = new Acceptors(server, silentLogger);
    expect(await takenInATurn(server, address)).toBe(1);
    await acceptors.open();
    expect(await takenInATurn(server, address)).toBe(8);
    for (let n = 0; n < 20; n++) expect(await statusOf(address)).toContain("204");
    await acceptors.close();
    await closed(server);
  });

  test("[SB24] no copy cuts the queue that all of them share", async () => {
    const { server, address } = await listening(ways[1][1]);
    const acceptors = new Acceptors(server, silentLogger);
    await acceptors.open();
    const dials = Array.from({ length: 1_000 }, () => connect(address));
    const ends = await Promise.allSettled(dials.map((dial) => once(dial, "connect")));
    expect(ends.filter(({ status }) => status === "rejected")).toEqual([]);
    for (const dial of dials) dial.destroy();
    await acceptors.close();
    await closed(server);
  });

  test.for(ways)("[SB24] %s: who comes after the end is refused", async ([, way]) => {
    const { server, address } = await listening(way);
    const acceptors = new Acceptors(server, silentLogger);
    await acceptors.open();
    await acceptors.close();
    await closed(server);
    const [error] = (await once(connect(address), "error")) as [NodeJS.ErrnoException];
    expect(["ECONNREFUSED", "ENOENT"]).toContain(error.code);
  });

  test("[SB24] an end while it opens leaves nothing that listens", async () => {
    const { server, address } = await listening(ways[0][1]);
    const acceptors = new Acceptors(server, silentLogger);
    const opening = acceptors.open();
    await acceptors.close();
    await opening;
    await closed(server);
    const [error] = (await once(connect(address), "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNREFUSED");
  });

  test("[SB24] where no copy can be had one is taken in a turn, and the log says so", async () => {
    const { server, address } = await listening(ways[0][1]);
    const lines: string[] = [];
    const log = { ...silentLogger, warn: (_: object, text: string) => void lines.push(text) };
    const acceptors = new Acceptors(server, log);
    await acceptors.open(join(directory, "no-node"));
    expect(lines).toEqual([expect.stringContaining("one in a turn")]);
    expect(await statusOf(address)).toContain("204");
    await acceptors.close();
    await closed(server);
  });
});

async function listening(way: object): Promise<{ server: Server; address: NetConnectOpts }> {
  const server = createServer((_, response) => response.writeHead(204).end());
  server.listen({ ...way, backlog: LISTEN_BACKLOG });
  await once(server, "listening");
  const bound = server.address();
  if (bound === null) throw new Error("it does not listen");
  const address =
    typeof bound === "string" ? { path: bound } : { port: bound.port, host: "127.0.0.1" };
  return { server, address };
}

/** Of many that wait in the kernel already, the most that came between two turns. */
async function takenInATurn(server: Server, address: NetConnectOpts): Promise<number> {
  let taken = 0;
  let most = 0;
  const count = (): void => void (taken += 1);
  server.on("connection", count);
  const clients = Array.from({ length: CONNECTIONS }, () => connect(address));
  for (let all = 0; all < CONNECTIONS;) {
    await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, taken);
    all += taken;
    taken = 0;
  }
  server.off("connection", count);
  for (const client of clients) client.destroy();
  return most;
}

async function statusOf(address: NetConnectOpts): Promise<string> {
  const client = connect(address);
  // Half of it closed, and answered all the same.
  client.end("GET / HTTP/1.1\r\nhost: hub\r\nconnection: close\r\n\r\n");
  const parts: Buffer[] = [];
  for await (const part of client) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
