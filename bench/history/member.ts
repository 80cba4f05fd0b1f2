/**
 * One hub of the cluster as a process, with a line of its own to each other party, and somebody who
 * starts it again whenever it ends: after a kill, or by itself because others declared it dead.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../test/e2e/cli-kit.ts";
import { RealHub } from "../../test/e2e/hub-kit.ts";
import type { StartedPlatform } from "../../test/e2e/platform-kit.ts";
import { CallRecorder } from "./call-recorder.ts";
import type { Life, ToldFact } from "./judge.ts";
import { Relay } from "./relay.ts";

const AGAIN_MS = 1_000;
const DOOR_LOOK_MS = 20;
const SECRET = "a secret of hubs whose history is judged";
const pause = (ms: number) => new Promise((next) => setTimeout(next, ms));

/** Lines that a fault may cut; `platform` is refused only. */
export type LineName = "store" | "peers" | "drivers" | "platform";

export class Member {
  readonly name: string;
  readonly lives: Life[] = [];
  /** Ends that nobody asked for, by exit code. */
  readonly ends: Record<string, number> = {};
  readonly #platform: StartedPlatform;
  readonly #store: Relay;
  readonly #peers: Relay;
  readonly #calls: CallRecorder;
  readonly #hub: RealHub;
  #drivers: Relay | null = null;
  /** Monotonic ms before which it is not started again. */
  #restAtMs = 0;
  #closing = false;
  #supervising: Promise<void> | null = null;

  private constructor(name: string, platform: StartedPlatform, parts: Parts) {
    this.name = name;
    this.#platform = platform;
    this.#store = parts.store;
    this.#peers = parts.peers;
    this.#calls = parts.calls;
    const { store, peers, calls, peerPort, schema } = parts;
    const options = encodeURIComponent(`-c search_path=${schema}`);
    const url = `postgres://holdfast@127.0.0.1:${store.port}/postgres?options=${options}`;
    const peerListen = { host: "127.0.0.1", port: peerPort };
    const advertise = `127.0.0.1:${peers.port}`;
    const cluster = { url, secret: SECRET, name, peerListen, advertise };
    const { apiKey } = platform;
    this.#hub = new RealHub({ apiUrl: calls.apiUrl, apiKey }, {}, { cluster });
  }

  static async open(
    name: string,
    platform: StartedPlatform,
    schema: string,
    storePort: () => number,
  ): Promise<Member> {
    const peerPort = await freePort();
    const store = await new Relay(() => ({ port: storePort() })).listen();
    const peers = await new Relay(() => ({ port: peerPort })).listen();
    const calls = await new CallRecorder(name, platform.apiUrl).listen();
    return new Member(name, platform, { store, peers, calls, peerPort, schema });
  }

  get url(): string {
    return this.#hub.url;
  }

  get hub(): RealHub {
    return this.#hub;
  }

  get calls(): CallRecorder["calls"] {
    return this.#calls.calls;
  }

  get isUp(): boolean {
    return this.#hub.pid !== 0 && this.lives.at(-1)?.to === Infinity;
  }

  /** The first start must succeed; later ones are tried until they do. */
  async start(): Promise<void> {
    await this.#begin();
    this.#supervising = this.#supervise();
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    if (this.isUp) process.kill(this.#hub.pid, signal);
  }

  /** It is started again after `awayMs`. */
  async kill(signal: "SIGKILL" | "SIGTERM", awayMs: number): Promise<void> {
    this.#restAtMs = performance.now() + awayMs;
    await this.#hub.kill(signal);
  }

  set(line: LineName, to: "open" | "refused" | "silent"): void {
    if (line === "platform") this.#calls.isCut = to !== "open";
    else if (line === "drivers") this.#drivers?.set(to);
    else (line === "store" ? this.#store : this.#peers).set(to);
  }

  /** It writes nothing more, and what it told can be read. */
  async end(): Promise<void> {
    this.#closing = true;
    this.signal("SIGCONT");
    await this.#hub.kill("SIGTERM");
    await this.#supervising;
  }

  async close(): Promise<void> {
    await this.end();
    await this.#drivers?.close();
    await this.#hub.remove();
    for (const line of [this.#store, this.#peers, this.#calls]) await line.close();
  }

  /** What it told as kept; a line that a kill tore is none. */
  told(): ToldFact[] {
    const lines = readFileSync(this.#hub.logFile, "utf8").split("\n");
    return lines.flatMap((line) => {
      if (!line.includes('"seq":')) return [];
      try {
        const read = JSON.parse(line) as Record<string, string | number>;
        const at = Date.parse(String(read["time"]));
        const kind = String(read["kind"]);
        const epoch = /^driver attached in epoch (\d+)/.exec(String(read["msg"]))?.[1];
        return [
          {
            inc: this.lives.find(({ from, to }) => from <= at && at <= to)?.inc ?? `${this.name}?`,
            at,
            seq: Number(read["seq"]),
            session: String(read["session"]),
            kind,
            epoch: kind === "driver.attached" && epoch !== undefined ? Number(epoch) : null,
          },
        ];
      } catch (error) {
        if (error instanceof SyntaxError) return [];
        throw error;
      }
    });
  }

  async #supervise(): Promise<void> {
    for (;;) {
      const code = await this.#hub.ended;
      const wanted = this.#restAtMs > performance.now();
      const life = this.lives.at(-1);
      if (life?.to === Infinity) this.lives[this.lives.length - 1] = { ...life, to: Date.now() };
      if (this.#closing) return;
      if (!wanted) this.ends[String(code)] = (this.ends[String(code)] ?? 0) + 1;
      await this.#startAgain();
      if (this.#closing) return;
    }
  }

  async #startAgain(): Promise<void> {
    await this.#drivers?.close();
    this.#drivers = null;
    await pause(Math.max(AGAIN_MS, this.#restAtMs - performance.now()));
    while (!this.#closing) {
      try {
        await this.#begin();
        return;
      } catch (error) {
        const said = error instanceof Error ? error.message : String(error);
        process.stderr.write(`${this.name} does not start: ${said}\n`);
        await this.#hub.kill("SIGKILL");
        await pause(AGAIN_MS);
      }
    }
  }

  async #begin(): Promise<void> {
    const from = Date.now();
    await this.#hub.start();
    const inc = await this.#ownLife();
    this.lives.push({ hub: this.name, inc, from, to: Infinity });
    await this.#standBeforeTheDoor(inc);
  }

  /** It is in its own list from its first good beat on, which may come late. */
  async #ownLife(): Promise<string> {
    for (;;) {
      const { items } = await this.#hub.ask<{ items: { id: string; self: boolean }[] }>(
        "GET",
        "/hubs",
      );
      const own = items.find(({ self }) => self);
      if (own !== undefined) return own.id;
      await pause(DOOR_LOOK_MS);
    }
  }

  /**
   * Drivers come through the door's socket; from now on they come through a line behind it. A hub
   * that was cut from the platform opens it later, or dies before.
   */
  async #standBeforeTheDoor(inc: string): Promise<void> {
    const digest = createHash("sha256").update(this.name).digest("hex").slice(0, 8);
    const { cluster } = await this.#hub.ask<{ cluster: string }>("GET", "/hubs");
    const file = join(this.#platform.servicesDir, `${cluster}-${digest}.sock`);
    const behind = `${file}.behind`;
    while (!existsSync(file)) {
      const life = this.lives.at(-1);
      if (this.#closing || life?.inc !== inc || this.#hub.hasEnded) return;
      await pause(DOOR_LOOK_MS);
    }
    renameSync(file, behind);
    this.#drivers = await new Relay(() => ({ path: behind })).listen({ path: file });
  }
}

interface Parts {
  readonly store: Relay;
  readonly peers: Relay;
  readonly calls: CallRecorder;
  readonly peerPort: number;
  readonly schema: string;
}
