/** The SSH server with a real SSH client in one process, on a session that the test plays. */
import { Duplex } from "node:stream";
import ssh2, { type Client, type ClientChannel } from "ssh2";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { HubError } from "../../src/base/hub-error.ts";
import type { ExecRequest, Exit, SessionChannel } from "../../src/client/index.ts";
import type { TerminalRequest } from "../../src/client/index.ts";
import { makeHostKey } from "../../src/ssh/host-key.ts";
import { createSshServer } from "../../src/ssh/ssh-server.ts";
import { until } from "../support/until.ts";

const hostKey = makeHostKey().privateKey;

/** A session in which the test is every program. */
class PlayedSession {
  exec: ExecRequest | null = null;
  terminal: TerminalRequest | null = null;
  readonly sizes: { cols: number; rows: number }[] = [];
  readonly signals: string[] = [];
  cancelled = false;
  readonly stdin: Buffer[] = [];
  stdinEnded = false;
  /** While it is there, nothing that was written is taken. */
  hold: Promise<void> | null = null;
  readonly #exit = Promise.withResolvers<Exit>();
  readonly said: string[] = [];

  readonly channel = {
    exec: (request: ExecRequest) => {
      this.exec = request;
      return {
        opened: Promise.resolve({ pid: 1 }),
        exit: this.#exit.promise,
        stdin: {
          write: async (bytes: Uint8Array) => {
            this.stdin.push(Buffer.from(bytes));
            await this.hold;
          },
          end: () => (this.stdinEnded = true),
        },
        signal: (name: string) => this.signals.push(name),
        cancel: () => (this.cancelled = true),
      };
    },
    terminal: (request: TerminalRequest) => {
      this.terminal = request;
      return {
        opened: Promise.resolve({ pid: 1, pty: "node-pty", id: "", from: 0 }),
        exit: this.#exit.promise,
        write: async (bytes: Uint8Array) => void this.stdin.push(Buffer.from(bytes)),
        resize: (size: { cols: number; rows: number }) => this.sizes.push(size),
        close: () => (this.cancelled = true),
      };
    },
  };

  end(exit: Exit): void {
    this.#exit.resolve(exit);
  }

  break(error: HubError): void {
    this.#exit.reject(error);
  }
}

/** As of a socket, what is written arrives after the writer has gone on: ssh2 counts on it. */
class LineEnd extends Duplex {
  other: LineEnd | null = null;
  override _read(): void {
    // What comes is pushed when it comes.
  }
  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    setImmediate(() => {
      this.other?.push(bytes);
      done();
    });
  }
  override _final(done: () => void): void {
    setImmediate(() => {
      this.other?.push(null);
      done();
    });
  }
}

const open: Client[] = [];
afterEach(() => {
  for (const client of open.splice(0)) client.end();
});

async function join(session: PlayedSession): Promise<Client> {
  const near = new LineEnd();
  const far = new LineEnd();
  near.other = far;
  far.other = near;
  const server = createSshServer({
    hostKey,
    clock: systemClock,
    admits: () => true,
    place: () => ({
      channel: async () => session.channel as unknown as SessionChannel,
      sftpScript: () => "",
      say: (sentence) => void session.said.push(sentence),
      left: () => near.destroy(),
    }),
  });
  server.serve(near);
  const client = new ssh2.Client();
  open.push(client);
  await new Promise((resolve, reject) => {
    client.once("ready", () => resolve(null)).once("error", reject);
    client.connect({ sock: far, username: "anyone" });
  });
  return client;
}

const exec = (client: Client, command: string, options = {}): Promise<ClientChannel> =>
  new Promise((resolve, reject) => {
    client.exec(command, options, (error, channel) => (error ? reject(error) : resolve(channel)));
  });

const MIB = 1024 * 1024;
/** What ssh2's client grants, and what it keeps for a reader that does not read. */
const WINDOW_BYTES = 2 * MIB;
const PIECE_BYTES = 60_000;
const PIECES = 80;
/** What is handed on untaken, and one packet. */
const HANDED_BYTES_MAX = 300_000;
/** So long nothing moves where nothing can. */
const STILL_LOOKS = 20;

function still(value: () => number): () => boolean {
  let before = -1;
  let looks = 0;
  return () => {
    looks = value() === before ? looks + 1 : 0;
    before = value();
    return looks === STILL_LOOKS;
  };
}

test("[SSH10] a client that reads nothing holds the program back, and gets both outputs whole and once", async () => {
  const session = new PlayedSession();
  const client = await join(session);
  const channel = await exec(client, "x");
  await until(() => session.exec !== null);
  const outputs = {
    stdout: { from: channel, take: session.exec?.onStdout, sent: [] as Buffer[] },
    stderr: { from: channel.stderr, take: session.exec?.onStderr, sent: [] as Buffer[] },
  };
  const got = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  channel.on("data", (bytes: Buffer) => got.stdout.push(bytes));
  channel.stderr.on("data", (bytes: Buffer) => got.stderr.push(bytes));
  // Each waits for the window after the other did: what waited before must not come again.
  for (const name of ["stdout", "stderr", "stdout", "stderr"] as const) {
    const { from, take, sent } = outputs[name];
    from.pause();
    let taken = 0;
    const write = async (): Promise<void> => {
      for (let i = 0; i < PIECES; i++) {
        const piece = Buffer.alloc(PIECE_BYTES, `${name}${i};`);
        sent.push(piece);
        await take?.(piece);
        taken += piece.length;
      }
    };
    const writing = write();
    await until(still(() => taken));
    expect(taken).toBeGreaterThan(WINDOW_BYTES - PIECE_BYTES);
    expect(taken).toBeLessThan(2 * WINDOW_BYTES + PIECE_BYTES);
    from.resume();
    await writing;
  }
  const exit = new Promise((resolve) => channel.once("exit", resolve));
  session.end({ code: 3, signal: null });
  expect(await exit).toBe(3);
  await new Promise((resolve) => channel.once("close", resolve));
  for (const name of ["stdout", "stderr"] as const) {
    expect(Buffer.concat(got[name]).equals(Buffer.concat(outputs[name].sent))).toBe(true);
  }
});

test("[SSH10] a program that reads nothing holds the client back, and gets its input whole", async () => {
  const session = new PlayedSession();
  const { promise, resolve: letGo } = Promise.withResolvers<void>();
  session.hold = promise;
  const client = await join(session);
  const channel = await exec(client, "x");
  await until(() => session.exec !== null);
  const data = Buffer.alloc(6 * MIB, "input;");
  channel.end(data);
  const handed = (): number => session.stdin.reduce((sum, { length }) => sum + length, 0);
  await until(still(handed));
  expect(handed()).toBeGreaterThan(0);
  expect(handed()).toBeLessThan(HANDED_BYTES_MAX);
  expect(channel.writableLength).toBeGreaterThan(MIB);
  letGo();
  await until(() => session.stdinEnded);
  expect(Buffer.concat(session.stdin).equals(data)).toBe(true);
});

test("[SSH1] environment, input with its end, signals, and an end by a signal go through", async () => {
  const session = new PlayedSession();
  const client = await join(session);
  const env = { LANG: "C", "not a name": "x" };
  const channel = await exec(client, "cat", { env });
  await until(() => session.exec !== null);
  expect(session.exec?.env).toEqual({ LANG: "C" });
  expect(session.exec?.argv.at(-1)).toBe("cat");
  channel.signal("INT");
  channel.write("some ");
  await until(() => session.signals.length > 0);
  channel.end("input");
  await until(() => session.stdinEnded);
  expect(Buffer.concat(session.stdin).toString()).toBe("some input");
  expect(session.signals).toEqual(["INT"]);
  const exit = new Promise((resolve) =>
    channel.once("exit", (...words: unknown[]) => resolve(words.slice(0, 2))),
  );
  session.end({ code: null, signal: "SIGTERM" });
  expect(await exit).toEqual([null, "SIGTERM"]);
});

test("[SSH2] a terminal follows the size of the window, and hangs up when the client leaves", async () => {
  const session = new PlayedSession();
  const client = await join(session);
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    const window = { cols: 0, rows: 50, term: "vt100" };
    client.shell(window, (error, shell) => (error ? reject(error) : resolve(shell)));
  });
  await until(() => session.terminal !== null);
  expect(session.terminal).toMatchObject({ argv: [], cols: 80, rows: 50, term: "vt100" });
  channel.setWindow(33, 99, 0, 0);
  await until(() => session.sizes.length > 0);
  expect(session.sizes).toEqual([{ cols: 99, rows: 33 }]);
  channel.close();
  await until(() => session.cancelled);
});

test("[SSH6] what was lost ends with 255 and its reason, what cannot start as a shell says it", async () => {
  for (const [code, exitCode] of [
    ["DriverRestarted", 255],
    ["CommandNotFound", 127],
    ["CommandRefused", 126],
  ] as const) {
    const session = new PlayedSession();
    const client = await join(session);
    const channel = await exec(client, "x");
    let errors = "";
    channel.stderr.on("data", (bytes: Buffer) => (errors += bytes.toString()));
    channel.resume();
    const exit = new Promise((resolve) => channel.once("exit", resolve));
    session.break(new HubError(code, "the reason"));
    expect(await exit).toBe(exitCode);
    await new Promise((resolve) => channel.once("close", resolve));
    expect(errors).toBe("holdfast: the reason\r\n");
  }
});

test("[SSH1] a client that goes away in the middle of its input takes its command along", async () => {
  const session = new PlayedSession();
  const client = await join(session);
  const channel = await exec(client, "x");
  await until(() => session.exec !== null);
  channel.write("half");
  client.end();
  await until(() => session.cancelled);
});
