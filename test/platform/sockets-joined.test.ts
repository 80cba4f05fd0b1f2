import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { afterEach, expect, test } from "vitest";
import { spliceUpgrade } from "../../src/hub/cluster/splice.ts";
import { relayUpgrade as relayToDaemon } from "../../src/platform/api/relay.ts";
import { relayUpgrade as relayToPort } from "../../src/platform/toolbox/ports.ts";
import { until } from "../support/until.ts";

const LAST_WORDS = "the last words";
const NOTHING = Buffer.alloc(0);
const request = { method: "GET", url: "/", rawHeaders: [] } as unknown as IncomingMessage;

const servers: Server[] = [];
const dirs: string[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, "close");
  }
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** Says its last words to whoever asks, and is gone. */
async function talker(path: string | null): Promise<{ port: number; gone: () => boolean }> {
  let isGone = false;
  const server = createServer((socket) => {
    socket.once("data", () => socket.end(LAST_WORDS));
    socket.once("close", () => (isGone = true));
  });
  servers.push(server);
  server.listen(path === null ? { port: 0, host: "127.0.0.1" } : { path });
  await once(server, "listening");
  const { port = 0 } = server.address() as Partial<AddressInfo>;
  return { port, gone: () => isGone };
}

/** A connection whose reader takes nothing before he is told to. */
function slowReader(): { socket: Duplex; read: () => void; heard: () => string } {
  let text = "";
  let isReading = false;
  let goOn = (): void => undefined;
  const socket = new Duplex({
    read: () => undefined,
    write(bytes: Buffer, _encoding, done) {
      goOn = () => {
        // What was cut meanwhile is lost.
        if (socket.destroyed) return;
        text += bytes.toString();
        done();
      };
      if (isReading) goOn();
    },
  });
  const read = (): void => {
    isReading = true;
    goOn();
  };
  return { socket, read, heard: () => text };
}

async function lastWordsHeard(
  join: (socket: Duplex) => void,
  gone: () => boolean,
): Promise<string> {
  const reader = slowReader();
  join(reader.socket);
  await until(gone);
  // What follows from the end of the other side has happened by then, too.
  for (let turn = 0; turn < 10; turn++) await new Promise((next) => setImmediate(next));
  reader.read();
  await until(() => reader.socket.destroyed);
  return reader.heard();
}

test("who reads slowly hears all that a daemon said before its end", async () => {
  const dir = mkdtempSync(join(tmpdir(), "hf-joined-"));
  dirs.push(dir);
  const socketPath = join(dir, "daemon.sock");
  const { gone } = await talker(socketPath);
  const target = { socketPath, path: "/", headers: {} };
  const relay = (socket: Duplex): void => relayToDaemon(request, socket, NOTHING, target);
  expect(await lastWordsHeard(relay, gone)).toBe(LAST_WORDS);
});

test("who reads slowly hears all that a port said before its end", async () => {
  const { port, gone } = await talker(null);
  const relay = (socket: Duplex): void =>
    relayToPort(request, socket, NOTHING, { port, path: "/" });
  expect(await lastWordsHeard(relay, gone)).toBe(LAST_WORDS);
});

test("who reads slowly hears all that another hub said before its end", async () => {
  const { port, gone } = await talker(null);
  const splice = (socket: Duplex): void => {
    const peer = connect({ port, host: "127.0.0.1" });
    spliceUpgrade(request, socket, NOTHING, { peer, as: null });
  };
  expect(await lastWordsHeard(splice, gone)).toBe(LAST_WORDS);
});
