/** FrameSocket over real WebSockets, TCP and unix, as the hub and the driver use it. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { Socket, type AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { HubError } from "../../src/base/hub-error.ts";
import { refuseUpgrade } from "../../src/hub/server/problem.ts";
import type { FrameSocket, SocketEnd } from "../../src/transport/frame-socket.ts";
import { fromBrowserWebSocket } from "../../src/transport/browser-socket.ts";
import { dialWebSocket, fromWebSocket, wsOptions } from "../../src/transport/ws-socket.ts";

let directory: string;
let server: Server;
let wss: WebSocketServer;
let accepted: FrameSocket[];
let requests: IncomingMessage[];
let hanging: Duplex[];
let onAccept: (socket: FrameSocket) => void;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-ws-"));
  accepted = [];
  requests = [];
  hanging = [];
  onAccept = () => undefined;
  server = createServer();
  wss = new WebSocketServer({ ...wsOptions, noServer: true });
  server.on("upgrade", (request, socket, head) => {
    requests.push(request);
    if (request.url === "/refuse") {
      const body = JSON.stringify({ code: "Unauthenticated", detail: "no token" });
      socket.end(`HTTP/1.1 401 No\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      return;
    }
    if (request.url === "/busy") {
      refuseUpgrade(socket, new HubError("StoreUnreachable", "no facts are taken"));
      return;
    }
    if (request.url === "/hang") {
      hanging.push(socket);
      return;
    }
    wss.handleUpgrade(request, socket, head, (ws) => {
      const frames = fromWebSocket(ws, { socket, maskBytes: 0 });
      accepted.push(frames);
      onAccept(frames);
    });
  });
});

afterEach(async () => {
  for (const socket of accepted) socket.terminate();
  for (const socket of hanging) socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});

async function tcp(): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function unix(): Promise<string> {
  const path = join(directory, "s.sock");
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return `ws+unix:${path}:`;
}

const options = { protocols: ["hsp.v1"], timeoutMs: 2_000 };

async function dial(url: string): Promise<FrameSocket> {
  const outcome = await dialWebSocket(url, options);
  if (!outcome.ok) throw new Error(outcome.failure.message);
  return outcome.socket;
}

function collect(socket: FrameSocket, count: number): Promise<Uint8Array[]> {
  const got: Uint8Array[] = [];
  return new Promise((resolve) => {
    socket.onFrame((message) => {
      got.push(message.slice());
      if (got.length === count) resolve(got);
    });
  });
}

const ended = (socket: FrameSocket): Promise<SocketEnd> =>
  new Promise((resolve) => socket.onClose(resolve));

describe.each([
  ["tcp", tcp],
  ["unix", unix],
])("over %s", (_name, listen) => {
  test("messages arrive whole and in order, also those sent in the turn of the upgrade", async () => {
    onAccept = (socket) => {
      for (let i = 0; i < 50; i++) socket.send(new Uint8Array(i).fill(i));
    };
    const socket = await dial(`${await listen()}/v1`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const got = await collect(socket, 50);
    expect(got.map((message) => message.length)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    socket.terminate();
  });
});

test("a refusal over HTTP says its status and body; a hanging server and a missing one fail", async () => {
  const base = await tcp();
  const refused = await dialWebSocket(`${base}/refuse`, options);
  expect(refused).toMatchObject({ ok: false, failure: { status: 401 } });
  expect(JSON.stringify(refused)).toContain("no token");
  expect(refused).toMatchObject({ failure: { message: "server answered 401" } });
  const busy = await dialWebSocket(`${base}/busy`, options);
  const message = "server answered 503 (StoreUnreachable)";
  expect(busy).toMatchObject({ ok: false, failure: { status: 503, message } });
  const hanging = await dialWebSocket(`${base}/hang`, { ...options, timeoutMs: 100 });
  expect(hanging).toMatchObject({ ok: false, failure: { status: null } });
  const missing = `ws+unix:${join(directory, "none.sock")}:/v1`;
  expect(await dialWebSocket(missing, options)).toMatchObject({ ok: false });
  expect(await dialWebSocket("nonsense://", options)).toMatchObject({ ok: false });
});

test("a dial that is given up fails at once and leaves no socket", async () => {
  const base = await tcp();
  const giveUp = new AbortController();
  const dialling = dialWebSocket(`${base}/hang`, { ...options, signal: giveUp.signal });
  await new Promise((resolve) => setTimeout(resolve, 50));
  giveUp.abort();
  expect(await dialling).toMatchObject({ ok: false, failure: { message: "dial was given up" } });
});

test("a close brings code and reason to the other side, cut to what fits", async () => {
  const socket = await dial(`${await tcp()}/v1`);
  const end = ended(socket);
  accepted[0]?.close(4409, "ü".repeat(100));
  expect(await end).toEqual({ code: 4409, reason: "ü".repeat(61) });
});

test("a message above the limit, or a text message, ends the socket and not the process", async () => {
  const base = await tcp();
  const big = await dial(`${base}/v1`);
  const bigEnd = ended(big);
  big.send(new Uint8Array(wsOptions.maxPayload + 1));
  expect((await bigEnd).code).toBe(1009);
  const raw = new WebSocket(`${base}/v1`, ["hsp.v1"]);
  await new Promise((resolve) => raw.once("open", resolve));
  raw.send("text");
  const code = await new Promise((resolve) => raw.once("close", resolve));
  expect(code).toBe(1003);
});

test("a closed socket drops what is sent, and drains are told", async () => {
  const socket = await dial(`${await tcp()}/v1`);
  let drains = 0;
  socket.onDrain(() => (drains += 1));
  socket.send(new Uint8Array(10));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(drains).toBeGreaterThan(0);
  const end = ended(socket);
  socket.terminate();
  await end;
  expect(() => socket.send(new Uint8Array(10))).not.toThrow();
});

test("the browser's socket behaves the same, with the global WebSocket", async () => {
  const base = await tcp();
  const ws = new globalThis.WebSocket(`${base}/v1`, ["hsp.v1", "hsp.ticket.abc"]);
  const socket = fromBrowserWebSocket(ws);
  await new Promise((resolve) => ws.addEventListener("open", resolve));
  expect(requests[0]?.headers["sec-websocket-protocol"]).toContain("hsp.ticket.abc");
  const [hub] = accepted;
  if (hub === undefined) throw new Error("nothing was accepted");
  hub.onFrame((message) => hub.send(message));
  const back = collect(socket, 2);
  const drained = new Promise<void>((resolve) => socket.onDrain(resolve));
  socket.send(Uint8Array.of(1, 2, 3));
  socket.send(Uint8Array.of(4));
  expect(await back).toEqual([Uint8Array.of(1, 2, 3), Uint8Array.of(4)]);
  await drained;
  const end = ended(socket);
  hub.close(4404, "gone");
  expect(await end).toEqual({ code: 4404, reason: "gone" });
});

test("a small message is one write, at either end, and a key wakes nobody for its head", async () => {
  const sizes = [1, 125, 126, 1_024];
  const socket = await dial(`${await tcp()}/v1`);
  const [hub] = accepted;
  if (hub === undefined) throw new Error("nothing was accepted");
  for (const [from, to] of [
    [socket, hub],
    [hub, socket],
  ] as const) {
    const got = collect(to, sizes.length);
    const writes = vi.spyOn(Socket.prototype, "write");
    for (const size of sizes) from.send(new Uint8Array(size).fill(size));
    const count = writes.mock.calls.length;
    writes.mockRestore();
    expect(count).toBe(sizes.length);
    const heard = (await got).map((message) => new Uint8Array(message));
    expect(heard).toEqual(sizes.map((size) => new Uint8Array(size).fill(size)));
  }
});

test("bytes are masked where a proxy may read along, and nowhere else", async () => {
  const base = await tcp();
  const word = Buffer.from("read on the way");
  // 0.0.0.0 is this machine as well, and does not say so.
  for (const [host, masked] of [
    ["127.0.0.1", false],
    ["0.0.0.0", true],
  ] as const) {
    let raw = Buffer.alloc(0);
    server.once("upgrade", (_request, duplex: Duplex) => {
      // Before ws, which takes masks off in place.
      duplex.prependListener("data", (bytes: Buffer) => (raw = Buffer.concat([raw, bytes])));
    });
    const heard = new Promise<Uint8Array>((resolve) => {
      onAccept = (socket) => socket.onFrame((message) => resolve(message.slice()));
    });
    const socket = await dial(base.replace("127.0.0.1", host));
    socket.send(word);
    expect(Buffer.from(await heard)).toEqual(word);
    expect([host, raw.includes(word)]).toEqual([host, !masked]);
    socket.terminate();
  }
});
