/**
 * One "session" of SSH: env, pty and size first, then one shell, command or subsystem. Its bytes
 * are a stream of the client runtime, so that what happens between here and the sandbox (a dead
 * hub, a pause) is no more than silence for the SSH client.
 *
 * ssh2 must be answered at once: a request that is accepted later, after the client ended its
 * input, is not accepted at all.
 */
import type { AcceptConnection, ServerChannel, Session } from "ssh2";
import { HubError, toHubError } from "../base/hub-error.ts";
import type { ExecStream, Exit, SessionChannel, TerminalStream } from "../client/index.ts";
import { pumpChannel, whenChannelClosed } from "./channel-input.ts";
import { ChannelWriter } from "./channel-writer.ts";
import { commandLine, loginShell, sftpServer } from "./guest-command.ts";

export interface SessionPlace {
  /** The way into the sandbox; waits for one that is coming back. @throws HubError */
  readonly channel: () => Promise<SessionChannel>;
  /** Program text of an SFTP server for sandboxes that have none. */
  readonly sftpScript: () => string;
  /** A sentence for the person on the other side, where there is a way to tell one. */
  readonly say: (sentence: string) => void;
}

/** What sshd ends with when the way to a command was lost. */
const EXIT_LOST = 255;
const EXIT_REFUSED = 126;
const EXIT_NOT_FOUND = 127;
/** An environment is bounded by what a kernel takes; the names by what every shell takes. */
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const ENV_COUNT_MAX = 256;
const ENV_BYTES_MAX = 65_536;
/** A client without a terminal of its own says 0. */
const COLS_FALLBACK = 80;
const ROWS_FALLBACK = 24;
const SIZE_MAX = 1_000;

interface Pty {
  readonly term: string;
  size: { readonly cols: number; readonly rows: number };
}

/** The function that it returns is for the moment in which nobody reads its output any more. */
export function serveSession(session: Session, place: SessionPlace): () => void {
  const env = new Map<string, string>();
  let envBytes = 0;
  let pty: Pty | null = null;
  let running: RunningChannel | null = null;

  session.on("env", (accept, reject, { key, val }) => {
    envBytes += key.length + val.length;
    const fits = env.size < ENV_COUNT_MAX && envBytes <= ENV_BYTES_MAX;
    if (!fits || !ENV_NAME.test(key) || val.includes("\0")) {
      answer(reject);
      return;
    }
    env.set(key, val);
    answer(accept);
  });
  session.on("pty", (accept, _reject, info) => {
    pty = { term: info.term, size: sizeOf(info) };
    answer(accept);
  });
  session.on("window-change", (accept, _reject, info) => {
    if (pty !== null) pty.size = sizeOf(info);
    running?.resize(sizeOf(info));
    answer(accept);
  });
  session.on("signal", (accept, _reject, { name }) => {
    running?.signal(name);
    answer(accept);
  });
  session.on("auth-agent", (_accept, reject) => {
    place.say("agent forwarding is refused: a key's agent would be open to the sandbox");
    answer(reject);
  });
  session.on("x11", (_accept, reject) => {
    place.say("X11 forwarding is not supported");
    answer(reject);
  });
  const run = (accept: AcceptConnection<ServerChannel>, argv: readonly string[]): void => {
    const wanted = { argv, env: Object.fromEntries(env), pty };
    running = new RunningChannel(accept(), wanted, place);
  };
  session.on("shell", (accept) => run(accept, pty === null ? loginShell() : []));
  session.on("exec", (accept, _reject, { command }) => run(accept, commandLine(command)));
  session.on("subsystem", (accept, reject, { name }) => {
    pty = null;
    if (name === "sftp") run(accept, sftpServer(place.sftpScript()));
    else answer(reject);
  });
  session.on("close", () => running?.hangUp());
  return () => running?.unread();
}

/** ssh2 hands out no answer where the client wants none, whatever its types say. */
function answer(reply: (() => void) | undefined): void {
  reply?.();
}

function sizeOf({ cols, rows }: { cols: number; rows: number }): Pty["size"] {
  const within = (value: number, fallback: number): number =>
    value > 0 ? Math.min(value, SIZE_MAX) : fallback;
  return { cols: within(cols, COLS_FALLBACK), rows: within(rows, ROWS_FALLBACK) };
}

interface Wanted {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly pty: Pty | null;
}

type Program =
  | { readonly kind: "starting" }
  | { readonly kind: "command"; readonly exec: ExecStream }
  | { readonly kind: "terminal"; readonly terminal: TerminalStream }
  | { readonly kind: "over" };

class RunningChannel {
  readonly #channel: ServerChannel;
  readonly #writer: ChannelWriter;
  readonly #wanted: Wanted;
  #program: Program = { kind: "starting" };

  constructor(channel: ServerChannel, wanted: Wanted, place: SessionPlace) {
    this.#channel = channel;
    this.#writer = new ChannelWriter(channel);
    this.#wanted = wanted;
    whenChannelClosed(channel, () => this.hangUp());
    this.#run(place).then(
      (exit) => this.#end(exit),
      (error: unknown) => this.#fail(toHubError(error)),
    );
  }

  resize(size: Pty["size"]): void {
    if (this.#program.kind === "terminal") this.#program.terminal.resize(size);
  }

  signal(name: string): void {
    if (this.#program.kind === "command") this.#program.exec.signal(name);
  }

  /** A command hears of it when it writes, as from every pipe; a terminal hangs up. */
  unread(): void {
    const program = this.#program;
    if (program.kind === "command") program.exec.signal("SIGPIPE");
    if (program.kind !== "terminal") return;
    void this.#end({ code: null, signal: "SIGHUP" });
    program.terminal.close();
  }

  /** The client left: so does what it started, as with a terminal that was closed. */
  hangUp(): void {
    const program = this.#program;
    this.#program = { kind: "over" };
    this.#writer.abandon();
    if (program.kind === "command") program.exec.cancel();
    else if (program.kind === "terminal") program.terminal.close();
  }

  async #run(place: SessionPlace): Promise<Exit> {
    const channel = await place.channel();
    if (this.#program.kind === "over") throw new HubError("Interrupted", "the client has left");
    const { argv, env, pty } = this.#wanted;
    if (pty !== null) return this.#runTerminal(channel, pty, place.say);
    const exec = channel.exec({
      argv,
      env,
      onStdout: (bytes) => this.#writer.write("stdout", bytes),
      onStderr: (bytes) => this.#writer.write("stderr", bytes),
    });
    this.#program = { kind: "command", exec };
    pumpChannel(this.#channel, exec.stdin);
    return exec.exit;
  }

  async #runTerminal(channel: SessionChannel, pty: Pty, say: (line: string) => void) {
    const { argv, env } = this.#wanted;
    const terminal = channel.terminal({
      argv,
      env,
      ...pty.size,
      ...(pty.term === "" ? {} : { term: pty.term }),
      onData: (bytes) => this.#writer.write("stdout", bytes),
    });
    this.#program = { kind: "terminal", terminal };
    // A terminal has no end of its input; it ends with its program.
    const end = (): void => undefined;
    pumpChannel(this.#channel, { write: (bytes) => terminal.write(bytes), end });
    const { pty: kind } = await terminal.opened;
    if (kind === "pipes") say("this sandbox has no pty: no line editing and no ^C in it");
    return terminal.exit;
  }

  async #end({ code, signal }: Exit): Promise<void> {
    if (this.#program.kind === "over") return;
    this.#program = { kind: "over" };
    await this.#writer.flushed();
    if (code !== null) this.#channel.exit(code);
    else this.#exitBySignal(signal ?? "KILL");
    this.#channel.end();
  }

  async #fail({ code, message }: HubError): Promise<void> {
    if (this.#program.kind === "over") return;
    this.#program = { kind: "over" };
    await this.#writer.write("stderr", new TextEncoder().encode(`holdfast: ${message}\r\n`));
    await this.#writer.flushed();
    this.#channel.exit(EXIT_OF[code] ?? EXIT_LOST);
    this.#channel.end();
  }

  #exitBySignal(signal: string): void {
    const name = signal.replace(/^SIG/, "");
    if (SSH_SIGNALS.has(name)) this.#channel.exit(name, false, `ended by ${signal}`);
    else this.#channel.exit(EXIT_LOST);
  }
}

const EXIT_OF: Readonly<Partial<Record<HubError["code"], number>>> = {
  CommandNotFound: EXIT_NOT_FOUND,
  CommandRefused: EXIT_REFUSED,
};

/** Those that RFC 4254 has a name for. */
const SSH_SIGNALS: ReadonlySet<string> = new Set(
  "ABRT ALRM FPE HUP ILL INT KILL PIPE QUIT SEGV TERM USR1 USR2".split(" "),
);
