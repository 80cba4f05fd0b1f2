/** Ports and sockets of a sandbox: the bundled driver, a small hub, the client between them. */
import { spawn } from "node:child_process";
import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { request } from "node:http";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { HubConnection, PortStream, SessionChannel } from "../../src/client/index.ts";
import { portWebStreams } from "../../src/client/index.ts";
import { PortDuplex } from "../../src/client/node.ts";
import type { DriverProcess } from "../support/driver-process.ts";
import { startDriverStand, type DriverStand } from "../support/driver-stand.ts";
import { until } from "../support/until.ts";

let stand: DriverStand;
let driver: DriverProcess;
let connection: HubConnection;
let channel: SessionChannel;
const servers: Server[] = [];
const cleanUps: (() => void)[] = [];

beforeAll(async () => {
  stand = await startDriverStand();
  ({ driver, connection, channel } = stand);
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
  for (const server of servers.splice(0)) await new Promise((done) => server.close(done));
});
afterAll(async () => {
  await stand.end();
});

async function listen(
  onSocket: (socket: Socket) => void,
  where: { host: string; port: number } | { path: string } = { host: "127.0.0.1", port: 0 },
): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, onSocket);
  servers.push(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, resolve);
  });
  const address = server.address() as AddressInfo | string;
  return typeof address === "string" ? 0 : address.port;
}

/** A port whose process does not run and whose queue is full: the kernel drops what knocks. */
async function deafPort(): Promise<number> {
  const code = `const s = require("net").createServer();
    s.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(s.address().port));`;
  const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  const port = await new Promise<number>((resolve) =>
    child.stdout.once("data", (bytes: Buffer) => resolve(Number(bytes.toString()))),
  );
  child.kill("SIGSTOP");
  const knocks = Array.from({ length: 6 }, () => connect(port, "127.0.0.1"));
  for (const knock of knocks) knock.on("error", () => undefined);
  cleanUps.push(() => {
    for (const knock of knocks) knock.destroy();
    child.kill("SIGKILL");
  });
  await until(() => knocks.filter(({ connecting }) => !connecting).length >= 2);
  return port;
}

/** Reads a connection to its end. */
function heard() {
  const parts: Uint8Array[] = [];
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return {
    events: { onData: (bytes: Uint8Array) => void parts.push(bytes), onEnd: () => end() },
    ended,
    text: () => Buffer.concat(parts).toString(),
  };
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "it went well",
    (error: unknown) => error,
  );

test("[PO1] either half ends by itself, and what comes after is heard", async () => {
  const port = await listen((socket) => {
    let asked = "";
    socket.on("data", (bytes: Buffer) => (asked += bytes.toString()));
    socket.on("end", () => socket.end(`you said ${asked}`));
  });
  const answer = heard();
  const stream = channel.tcp({ port }, answer.events);
  await stream.opened;
  await stream.write(Buffer.from("hello"));
  stream.end();
  await answer.ended;
  await stream.closed;
  expect(answer.text()).toBe("you said hello");

  const late = await listen((socket) => {
    socket.end("first");
    socket.on("data", (bytes: Buffer) => {
      expect(bytes.toString()).toBe("second");
      socket.destroy();
    });
  });
  const first = heard();
  const half = channel.tcp({ port: late }, first.events);
  await first.ended;
  await half.write(Buffer.from("second"));
  half.end();
  expect(first.text()).toBe("first");
});

test("[PO2] refused, unknown, unreachable and cut are told as what they are", async () => {
  const closing = await listen((socket) => socket.resetAndDestroy());
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise((done) => free.close(done));
  const why = (target: Parameters<SessionChannel["tcp"]>[0]) => {
    const stream = channel.tcp(target, { onData: () => undefined });
    return failure(stream.closed);
  };
  expect(await why({ port })).toMatchObject({ code: "PortRefused" });
  expect(String(await why({ port }))).toContain(
    `port ${port}: nobody listens there (ECONNREFUSED)`,
  );
  expect(await why({ path: "/no/such.sock" })).toMatchObject({ code: "PortRefused" });
  expect(await why({ host: "no..such..host", port: 80 })).toMatchObject({
    code: "PortUnreachable",
  });
  expect(await why({ port: closing })).toMatchObject({ code: "PortReset" });
  expect(await why({ port: await deafPort(), timeoutMs: 300 })).toMatchObject({
    code: "PortTimeout",
  });
  expect(() => channel.tcp({ port: 70_000 }, { onData: () => undefined })).toThrow(/no port/);
});

test("[PO2] a cut here is a reset there, never an end", async () => {
  const seen: string[] = [];
  const port = await listen((socket) => {
    socket.on("error", (error: Error & { code?: string }) => seen.push(error.code ?? "?"));
    socket.on("end", () => seen.push("end"));
    socket.on("data", () => undefined);
  });
  const stream = channel.tcp({ port }, { onData: () => undefined });
  await stream.opened;
  stream.cut();
  await until(() => seen.length > 0);
  expect(seen).toEqual(["ECONNRESET"]);
});

test("[PO1] what listens on ::1 only is found, and a unix socket by its path", async ({ skip }) => {
  const path = join(driver.home, "echo.sock");
  await listen((socket) => socket.pipe(socket), { path });
  const echo = heard();
  const unix = channel.tcp({ path: "~/echo.sock" }, echo.events);
  await unix.write(Buffer.from("over a path"));
  unix.end();
  await echo.ended;
  expect(echo.text()).toBe("over a path");
  const v6 = await listen((socket) => socket.end("six"), { host: "::1", port: 0 }).catch(() => 0);
  skip(v6 === 0, "this machine has no IPv6");
  const six = heard();
  const stream = channel.tcp({ port: v6 }, six.events);
  await six.ended;
  stream.end();
  expect(six.text()).toBe("six");
});

test("[PO1] 20 MB there and back with a slow reader, held back on the whole way", async () => {
  const port = await listen((socket) => socket.pipe(socket));
  const data = Buffer.alloc(20 * 1024 * 1024);
  for (let at = 0; at < data.length; at += 4) data.writeUInt32LE((at * 2654435761) >>> 0, at);
  const duplex = new PortDuplex((events) => channel.tcp({ port }, events));
  duplex.end(data);
  const parts: Buffer[] = [];
  for await (const bytes of duplex as AsyncIterable<Buffer>) {
    parts.push(bytes);
    if (parts.length % 16 === 0) await new Promise(setImmediate);
  }
  expect(Buffer.concat(parts).equals(data)).toBe(true);
});

test("[PO1] an HTTP agent takes it for a socket, a page for two web streams", async () => {
  const port = await listen((socket) => {
    socket.once("data", () => {
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello");
    });
  });
  const body = await new Promise<string>((resolve, reject) => {
    const open = (): PortDuplex => new PortDuplex((events) => channel.tcp({ port }, events));
    request({ createConnection: open, host: "x" }, (response) => {
      let text = "";
      response.on("data", (bytes: Buffer) => (text += bytes.toString()));
      response.on("end", () => resolve(text));
    })
      .on("error", reject)
      .end();
  });
  expect(body).toBe("hello");
  const echo = await listen((socket) => socket.pipe(socket));
  const streams = portWebStreams((events) => channel.tcp({ port: echo }, events));
  const writer = streams.writable.getWriter();
  await writer.write(Buffer.from("web"));
  await writer.close();
  let text = "";
  for await (const bytes of streams.readable) text += Buffer.from(bytes).toString();
  expect(text).toBe("web");
  await streams.closed;
});

test("[PO3] what connects inside comes out here, also after a cut link, until it is closed", async () => {
  const said: string[] = [];
  const taken: PortStream[] = [];
  const listener = channel.listen({
    port: 0,
    onConnection: (accepted) => {
      const stream = accepted.take({
        onData: (bytes) => {
          said.push(Buffer.from(bytes).toString());
          return stream.write(Buffer.from("heard"));
        },
        onEnd: () => stream.end(),
      });
      taken.push(stream);
    },
  });
  const { port } = await listener.opened;
  const talk = (): Promise<string> =>
    new Promise((resolve, reject) => {
      let answer = "";
      const socket = connect(port ?? 0, "127.0.0.1");
      socket.on("data", (bytes: Buffer) => {
        answer += bytes.toString();
        socket.end();
      });
      socket.on("error", reject);
      socket.on("close", () => resolve(answer));
      socket.write("hello");
    });
  expect(await talk()).toBe("heard");
  // The line breaks; somebody connects while nobody is there.
  stand.cut();
  await until(() => channel.phase.kind === "waiting");
  const later = talk();
  expect(await later).toBe("heard");
  expect(said).toEqual(["hello", "hello"]);
  const second = channel.listen({ port: port ?? 0, onConnection: () => undefined });
  expect(await failure(second.opened)).toMatchObject({ code: "PortTaken" });
  listener.close();
  expect(await listener.closed).toBeNull();
  await until(() =>
    talk().then(
      () => false,
      () => true,
    ),
  );
});

test("[PO3] a listener ends with the lease of the one who holds it", async () => {
  const holder = await connection.attach("demo", { leaseMs: 0 });
  const { port } = await holder.listen({ port: 0, onConnection: () => undefined }).opened;
  const knock = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port ?? 0, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      }).on("error", () => resolve(false));
    });
  expect(await knock()).toBe(true);
  stand.cut();
  await until(async () => !(await knock()));
});
