/**
 * One run of an app: sandbox, files, install, start, health, the command, and the end of it all,
 * whatever happened. What it prints goes through the voice that it is given; what came of it is one
 * report. It decides nothing about how many run, and nothing about exit codes.
 */
import { posix } from "node:path";
import type { Api } from "../../client/api.ts";
import type { HubConnection } from "../../client/hub-connection.ts";
import { LastingChannel } from "../../client/lasting-channel.ts";
import { uploadTree } from "../../client/node.ts";
import type { SessionChannel } from "../../client/session-channel.ts";
import { exitCodeOf } from "../byte-pump.ts";
import { startForward } from "../port-forward.ts";
import { bytesText } from "../../base/bytes-text.ts";
import { counted } from "../../base/counted.ts";
import type { AppPlan } from "./app-file.ts";
import { untilHealthy } from "./app-health.ts";
import { runHere } from "./app-local.ts";
import { openAppSession, type AppSession } from "./app-session.ts";
import { NamedLines, runShell, startShell, type ShellCommand } from "./app-shell.ts";
import { RunFailed, runFailedOf, type RunCategory } from "./run-failed.ts";

export interface RunVoice {
  /** A phase is over, or something worth a line happened. */
  say(what: string, text: string): void;
  /** A line of the app or of an install command. */
  line(who: string, line: string): void;
  /** The output of what is run against the app. */
  stdout(bytes: Uint8Array): void | Promise<void>;
  stderr(bytes: Uint8Array): void | Promise<void>;
}

export interface RunReport {
  readonly app: string;
  readonly session: string | null;
  readonly sandboxId: string | null;
  readonly result: "ok" | "failed";
  readonly category: RunCategory | null;
  readonly code: string | null;
  readonly message: string | null;
  readonly hint: string | null;
  /** Of what was run against it; null when nothing was. */
  readonly exitCode: number | null;
  readonly previewUrl: string | null;
  /** How long each phase took, in ms. */
  readonly phases: Readonly<Record<string, number>>;
  /** False when the hub could not say that the sandbox is gone. */
  readonly cleanedUp: boolean;
}

export interface RunOptions {
  readonly plan: AppPlan;
  readonly sessionName: string;
  readonly api: Api;
  readonly connection: HubConnection;
  readonly voice: RunVoice;
  readonly signal: AbortSignal;
  readonly leaseMs: number;
  /** What programs of this machine get. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Never rejects: every run ends in its report. */
export async function runApp(options: RunOptions): Promise<RunReport> {
  const run = new AppRun(options);
  const failed = await run.phases().then(
    () => null,
    (error: unknown) => runFailedOf(error, run.session === null),
  );
  const cleanedUp = await run.cleanUp();
  const { plan, sessionName } = options;
  return {
    app: plan.name,
    session: run.session?.name ?? (failed?.category === "caller" ? null : sessionName),
    sandboxId: run.session?.sandboxId ?? null,
    result: failed === null ? "ok" : "failed",
    category: failed?.category ?? null,
    code: failed?.code ?? null,
    message: failed?.message ?? null,
    hint: failed?.hint ?? null,
    exitCode: failed === null ? run.exitCode : failed.exitCode,
    previewUrl: run.previewUrl,
    phases: run.took,
    cleanedUp,
  };
}

class AppRun {
  readonly #options: RunOptions;
  /** Aborts with the caller's wish, or with what makes going on senseless. */
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly took: Record<string, number> = {};
  readonly #closers: (() => void)[] = [];
  session: AppSession | null = null;
  previewUrl: string | null = null;
  exitCode: number | null = null;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
  }

  async phases(): Promise<void> {
    const { plan, connection } = this.#options;
    const session = await this.#timed("provision", () => this.#provision());
    this.session = session;
    this.#options.voice.say("session", `${session.name} is connected`);
    const lasting = await LastingChannel.attach(connection, session.id);
    const channel = await lasting.channel();
    this.#closers.push(() => channel.close());
    if (plan.files.length > 0) await this.#timed("upload", () => this.#upload(lasting));
    if (plan.install.length > 0) await this.#timed("install", () => this.#install(channel));
    const over = plan.start === null ? null : this.#start(channel, plan.start);
    if (plan.health !== null) await this.#timed("healthy", () => this.#healthy(channel, over));
    if (plan.port !== null) await this.#preview(session, plan.port);
    await this.#timed("run", () => this.#work(lasting, channel, over));
  }

  /** True when nothing is left, as far as the hub says. */
  async cleanUp(): Promise<boolean> {
    for (const close of this.#closers.splice(0).toReversed()) close();
    if (this.session === null) return true;
    const { voice } = this.#options;
    try {
      await this.#timed("cleanup", () => this.session?.remove() ?? Promise.resolve());
      return true;
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      voice.say("cleanup", `not confirmed (${said}); its lease ends it within 60 s of the hub`);
      return false;
    }
  }

  async #provision(): Promise<AppSession> {
    const { api, plan, sessionName, leaseMs } = this.#options;
    const { retries, source } = plan;
    const retry = retries === 0 ? {} : { retry: { startup: retries, environment: retries } };
    return openAppSession({
      api,
      wanted: { name: sessionName, ...source, ...retry, labels: { "holdfast/app": plan.name } },
      leaseMs,
      signal: this.#signal,
      onEvent: () => undefined,
      onGone: (error) => this.#stop.abort(new RunFailed("environment", error.code, error.message)),
    });
  }

  async #upload(lasting: LastingChannel): Promise<void> {
    const { plan, voice } = this.#options;
    for (const { from, to } of plan.files) {
      const parent = posix.dirname(to);
      if (parent !== "." && parent !== "/") {
        await lasting.work(({ files }) => files.mkdir(parent, { parents: true }));
      }
      const copy = await uploadTree(lasting, { from, to }, { signal: this.#signal });
      const [failed] = copy.failed;
      if (failed !== undefined) {
        throw new RunFailed("app", failed.error.code, `upload of ${from}: ${failed.error.message}`);
      }
      voice.say("upload", `${to}: ${counted(copy.files, "file")}, ${bytesText(copy.bytes)}`);
    }
  }

  async #install(channel: SessionChannel): Promise<void> {
    const { timeoutMs, install } = this.#options.plan;
    for (const command of install) {
      const lines = this.#lines("install");
      const shell = this.#shell(command, lines.take);
      const end = await runShell(channel, { ...shell, timeoutMs, signal: this.#signal });
      lines.end();
      if (end === "late") {
        throw new RunFailed("app", "InstallTimeout", `${command}: ${timeoutMs / 1_000} s are over`);
      }
      if (exitCodeOf(end) === 0) continue;
      const said = `install failed with ${exitCodeOf(end)}: ${command}\n${lines.last}`;
      throw new RunFailed("app", "InstallFailed", said.trimEnd(), { exitCode: exitCodeOf(end) });
    }
  }

  /** Rejects when the app ends: nothing is to be asked of it any more. */
  #start(channel: SessionChannel, command: string): Promise<never> {
    const lines = this.#lines("app");
    const exec = startShell(channel, this.#shell(command, lines.take));
    this.#closers.push(() => exec.signal("SIGTERM"));
    const over = exec.exit.then((exit): never => {
      lines.end();
      const said = `the app ended with ${exitCodeOf(exit)}: ${command}\n${lines.last}`;
      const exitCode = exitCodeOf(exit);
      throw new RunFailed("app", "AppEnded", said.trimEnd(), { exitCode });
    });
    // Whoever waits for the app hears it; once all is over nobody does.
    over.catch(() => undefined);
    return over;
  }

  async #healthy(channel: SessionChannel, over: Promise<never> | null): Promise<void> {
    const { health, port } = this.#options.plan;
    if (health === null) return;
    const shell = this.#shell("", () => undefined);
    const wait = untilHealthy({ channel, health, port, shell, signal: this.#signal });
    await (over === null ? wait : Promise.race([wait, over]));
  }

  async #preview({ id }: AppSession, port: number): Promise<void> {
    const { api, voice } = this.#options;
    const link = await api.previewLink(id, port);
    this.previewUrl = link.url;
    voice.say("preview", link.url);
  }

  async #work(
    lasting: LastingChannel,
    channel: SessionChannel,
    over: Promise<never> | null,
  ): Promise<void> {
    const { run, local, timeoutMs } = this.#options.plan;
    if (run === null && local === null) {
      this.#options.voice.say("running", "until ^C");
      await Promise.race([over ?? never(), aborted(this.#signal)]);
      return;
    }
    const ways: Promise<number | "late">[] = [];
    if (run !== null) ways.push(this.#inside(channel, run));
    else if (local !== null) ways.push(this.#here(lasting, local));
    if (over !== null) ways.push(over);
    const exitCode = await Promise.race(ways);
    const what = run ?? local ?? "";
    if (exitCode === "late") {
      const said = `${what} ran longer than ${timeoutMs / 1_000} s and was killed`;
      throw new RunFailed("task", "TaskTimeout", said, { exitCode: EXIT_TIMED_OUT });
    }
    this.exitCode = exitCode;
    if (exitCode === 0) return;
    throw new RunFailed("task", "TaskFailed", `${what} ended with ${exitCode}`, { exitCode });
  }

  async #inside(channel: SessionChannel, command: string): Promise<number | "late"> {
    const { plan, voice } = this.#options;
    const end = await runShell(channel, {
      ...this.#shell(command, () => undefined),
      onStdout: (bytes) => voice.stdout(bytes),
      onStderr: (bytes) => voice.stderr(bytes),
      timeoutMs: plan.timeoutMs,
      signal: this.#signal,
    });
    return end === "late" ? end : exitCodeOf(end);
  }

  /** With the app on a port of this machine: not every program knows names below localhost. */
  async #here(lasting: LastingChannel, command: string): Promise<number | "late"> {
    const { plan, voice } = this.#options;
    const where = plan.port === null ? {} : { HOLDFAST_APP_URL: await this.#forward(lasting) };
    const preview = this.previewUrl === null ? {} : { HOLDFAST_PREVIEW_URL: this.previewUrl };
    const session = { HOLDFAST_SESSION: this.session?.name ?? "" };
    const env = { ...this.#options.env, ...plan.env, ...where, ...preview, ...session };
    return runHere(command, env, voice, { timeoutMs: plan.timeoutMs, signal: this.#signal });
  }

  async #forward(lasting: LastingChannel): Promise<string> {
    const target = { kind: "port", host: null, port: this.#options.plan.port ?? 0 } as const;
    const listen = { kind: "port", host: null, port: 0 } as const;
    let address = "";
    const forward = await startForward(lasting, { listen, target, reverse: false }, "/", {
      onListening: (_, where) => (address = where),
      onFailed: (_, error) => this.#options.voice.say("forward", error.message),
    });
    // A forward that cannot go on ends with its session, which is told by others.
    forward.over.catch(() => undefined);
    this.#closers.push(() => forward.close());
    return `http://${address}`;
  }

  #shell(command: string, take: (bytes: Uint8Array) => void): ShellCommand {
    const { cwd, env, port } = this.#options.plan;
    const own = port === null ? {} : { PORT: String(port) };
    return { command, cwd, env: { ...own, ...env }, onStdout: take, onStderr: take };
  }

  #lines(who: string): NamedLines {
    const { plan, voice } = this.#options;
    return new NamedLines((line) => voice.line(who, line), plan.secrets);
  }

  async #timed<T>(phase: string, work: () => Promise<T>): Promise<T> {
    const beganAt = performance.now();
    try {
      return await work();
    } finally {
      this.took[phase] = Math.round(performance.now() - beganAt);
    }
  }
}

const EXIT_TIMED_OUT = 124;

const never = (): Promise<never> => new Promise(() => undefined);

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const leave = (): void => reject(signal.reason as Error);
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
  });
}
