/**
 * Ways to a TCP port of another place, each as a port of this machine: `holdfast forward`, `ssh -L`
 * and a plain pipe of Node; and the program behind all of them, which says as many bytes as it is
 * asked for, or takes as many and says one.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connectNode } from "../src/client/node.ts";
import { bin, waitForText } from "../test/e2e/cli-kit.ts";
import { TOKEN } from "../test/e2e/hub-kit.ts";
import { freePort } from "./free-port.ts";
import { SSH_HOST, type HoldfastWay, type SshWay } from "./stream-ways.ts";

const PIECE_BYTES = 64 * 1024;
const MASTER_ANSWERS_MS = 50;

/** First byte d or u, then eight of a length: so many bytes come down, or are awaited. */
const END = `
const piece = Buffer.alloc(${PIECE_BYTES});
const server = require("net").createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  let left = -1;
  let say = () => undefined;
  socket.on("data", (bytes) => {
    if (left >= 0) return take(bytes.length);
    left = Number(bytes.readBigUInt64BE(1));
    if (bytes[0] === 117) return take(bytes.length - 9);
    say = () => {
      while (left > 0) {
        const part = piece.subarray(0, Math.min(left, piece.length));
        left -= part.length;
        if (!socket.write(part)) return;
      }
    };
    socket.on("drain", say);
    say();
  });
  const take = (bytes) => {
    left -= bytes;
    if (left === 0) socket.write(piece.subarray(0, 1));
  };
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));`;

export interface PortWay {
  readonly name: string;
  readonly port: number;
  /** The process between this machine's side and the other: its processor is one end's. */
  readonly pid: number;
  close(): Promise<void>;
}

export async function holdfastForward({ hub }: HoldfastWay): Promise<PortWay> {
  const connection = await connectNode(() => ({ url: hub.url, token: TOKEN }));
  const channel = await connection.attach("demo");
  const port = await new Promise<string>((resolve) => {
    const argv = ["node", "-e", END];
    const onStdout = (bytes: Uint8Array): void => resolve(Buffer.from(bytes).toString().trim());
    channel.exec({ argv, onStdout }).exit.catch(() => undefined);
  });
  const env = { ...process.env, HOLDFAST_URL: hub.url, HOLDFAST_TOKEN: TOKEN };
  const words = [bin, "forward", "demo", `0:${port}`, "--json"];
  const child = spawn(process.execPath, words, {
    env: { ...env, HOLDFAST_HOME: hub.home },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = await waitForText(child, "listening");
  const local = Number(/127\.0\.0\.1:(\d+)/.exec(said)?.[1]);
  const close = async (): Promise<void> => {
    await ended(child);
    connection.close();
  };
  return { name: "holdfast", port: local, pid: hub.pid, close };
}

/** The end is a process of this machine, as with the pipe. */
export async function sshForward(way: SshWay): Promise<PortWay> {
  const end = await plainEnd();
  const port = await freePort();
  const words = [...way.words, "-N", "-L", `127.0.0.1:${port}:127.0.0.1:${end.port}`, SSH_HOST];
  const child = spawn("ssh", words, { stdio: "ignore" });
  while (!(await isOpen(port))) {
    if (child.exitCode !== null) throw new Error(`ssh ended with ${child.exitCode}`);
    await new Promise((next) => setTimeout(next, MASTER_ANSWERS_MS));
  }
  const close = async (): Promise<void> => {
    await ended(child);
    await ended(end.child);
  };
  return { name: "ssh -L", port, pid: child.pid ?? 0, close };
}

const PIPE = `const { connect, createServer } = require("net");
const server = createServer({ noDelay: true }, (near) => {
  const far = connect({ port: Number(process.argv[1]), host: "127.0.0.1", noDelay: true });
  near.pipe(far).pipe(near);
  for (const one of [near, far]) one.on("error", () => (near.destroy(), far.destroy()));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));`;

export async function pipeForward(): Promise<PortWay> {
  const end = await plainEnd();
  const child = spawn(process.execPath, ["-e", PIPE, String(end.port)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = Number(await waitForText(child, "\n"));
  const close = async (): Promise<void> => {
    await ended(child);
    await ended(end.child);
  };
  return { name: "a pipe of Node", port, pid: child.pid ?? 0, close };
}

async function plainEnd(): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = spawn(process.execPath, ["-e", END], { stdio: ["ignore", "pipe", "inherit"] });
  return { child, port: Number(await waitForText(child, "\n")) };
}

async function ended(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect({ port, host: "127.0.0.1" });
  const [open] = await Promise.race([
    once(socket, "connect").then(() => [true]),
    once(socket, "error").then(() => [false]),
  ]).catch(() => [false]);
  socket.destroy();
  return open ?? false;
}

/** So many bytes through the port, in one direction; resolves when the last is there. */
export async function carried(port: number, down: boolean, bytes: number): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const head = Buffer.alloc(9, down ? "d" : "u");
  head.writeBigUInt64BE(BigInt(bytes), 1);
  socket.write(head);
  let awaited = down ? bytes : 1;
  const done = new Promise<void>((resolve, reject) => {
    socket.on("error", reject).on("close", () => reject(new Error(`${awaited} bytes are missing`)));
    socket.on("data", (chunk: Buffer) => {
      awaited -= chunk.length;
      if (awaited === 0) resolve();
    });
  });
  if (!down) await sent(socket, bytes);
  await done;
  socket.destroy();
}

async function sent(socket: Socket, bytes: number): Promise<void> {
  const piece = Buffer.alloc(PIECE_BYTES);
  for (let left = bytes; left > 0; left -= piece.length) {
    if (!socket.write(left < piece.length ? piece.subarray(0, left) : piece)) {
      await once(socket, "drain");
    }
  }
}
