/**
 * One simulated sandbox: its state at the platform, its files, its driver. It understands the two
 * shell scripts that the hub runs, by what they do, and can be broken piece by piece.
 */
import { DRIVER_DIR, driverFiles } from "../../hub/session/nudge.ts";
import type { SimDriver } from "./driver.ts";

export type SandboxState =
  "creating" | "started" | "pausing" | "paused" | "stopped" | "error" | "destroying";

export const SIM_HOME = "/home/daytona";

/** What a copy's name has that no hub's has. */
export const COPY_ENDING = "-copy";

export interface ExecAnswer {
  readonly exitCode: number;
  readonly output: string;
}

export class SimSandbox {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Real time at which it was asked for. */
  readonly bornAt: number;
  readonly files = new Map<string, string>();
  readonly #now: () => number;
  readonly #launch: (config: string, sandbox: SimSandbox) => SimDriver;
  /** Real time of its last use in the platform's eyes; what carries the skip header is none. */
  usedAt: number;
  /** Real time at which the platform last changed its state. */
  changedAt: number;
  #state: SandboxState = "creating";
  reason: string | null = null;
  /** It is in error because its image could not be built. */
  isUnbuilt = false;
  exec: "ok" | "broken" | "queued" | "lies" | "late" = "ok";
  filesystem: "ok" | "missing" | "read-only" | "full" | "hung" = "ok";
  /** What is broken only for those who live inside. */
  inside: "ok" | "no-fork" | "no-files" = "ok";
  /** Whether those inside reach the hub. */
  egress: "open" | "blocked" = "open";
  /** A word of the platform that nobody knows, told instead of the state. */
  odd: string | null = null;
  /** A driver that is started dies after this long; null when it lives. */
  driverDiesAfterMs: number | null = null;
  /** The platform started it although nobody asked. */
  isStray = false;
  /** Something was broken that only a fresh sandbox can mend. */
  damaged = false;
  /** Kept by who watches: real time at which it last was well. */
  wellAtMs = -Infinity;
  driver: SimDriver | null = null;
  /** Second processes with the same token. */
  readonly #twins: SimDriver[] = [];

  constructor(options: {
    id: string;
    name: string;
    labels: Readonly<Record<string, string>>;
    bornAt: number;
    now: () => number;
    launch: (config: string, sandbox: SimSandbox) => SimDriver;
  }) {
    this.id = options.id;
    this.name = options.name;
    this.labels = options.labels;
    this.bornAt = options.bornAt;
    this.usedAt = options.bornAt;
    this.changedAt = options.bornAt;
    this.#launch = options.launch;
    this.#now = options.now;
  }

  get state(): SandboxState {
    return this.#state;
  }

  set state(state: SandboxState) {
    this.#state = state;
    this.changedAt = this.#now();
    if (state === "started") this.usedAt = this.changedAt;
  }

  /** All that a connected session promises of it is true. */
  get well(): boolean {
    const open = this.exec === "ok" && this.filesystem === "ok" && this.inside === "ok";
    return this.state === "started" && open;
  }

  /** Somebody made it from another one, with its labels: no hub asked for it. */
  get isCopy(): boolean {
    return this.name.endsWith(COPY_ENDING);
  }

  /** Its auto-stop time begins anew. */
  use(nowMs: number): void {
    this.usedAt = nowMs;
  }

  /** Processes end, files stay. */
  stop(): void {
    this.#endAll();
    this.isStray = false;
    this.state = "stopped";
  }

  freeze(): void {
    this.isStray = false;
    this.state = "paused";
    for (const { process } of this.#processes) process.freeze();
  }

  thaw(): void {
    this.state = "started";
    for (const { process } of this.#processes) process.thaw();
  }

  destroy(): void {
    this.#endAll();
    this.state = "destroying";
  }

  killDriver(): void {
    this.#endDriver();
  }

  /** Another process with the token of the driver that is here. */
  double(): void {
    if (this.driver === null) return;
    this.#twins.push(this.#launch(JSON.stringify({ session: this.driver.session }), this));
  }

  get #processes(): readonly SimDriver[] {
    return this.driver === null ? this.#twins : [...this.#twins, this.driver];
  }

  run(command: string): ExecAnswer {
    if (this.exec === "lies") return { exitCode: 0, output: "" };
    const [, head, tail] = /^printf %s%s (\S+) (\S+)$/m.exec(command) ?? [];
    if (head !== undefined && tail !== undefined) {
      return { exitCode: 0, output: head + tail + this.#mark(command) };
    }
    if (command.includes("kill -USR1")) return this.#nudge(command);
    if (command.includes("nohup")) return this.#start();
    if (command.includes("holdfast-seek:")) return this.#seek();
    if (command.includes("holdfast-egress:")) return this.#wayOut();
    return { exitCode: 127, output: "sh: not simulated" };
  }

  /** What the command leaves for the driver to find, where files can be written. */
  #mark(command: string): string {
    if (this.filesystem !== "ok") return "";
    const told = [...command.matchAll(/printf %s (\S+) >'(\S+)\.new'/g)].map(
      ([, secret = "", file = ""], n) => {
        this.files.set(file, secret);
        return ` marked:${n}`;
      },
    );
    return told.join("");
  }

  #wayOut(): ExecAnswer {
    const connect = this.egress === "open" ? "ok" : "TIMEOUT";
    const tries = [{ to: "hub:443", dns: null, connect }];
    return { exitCode: 0, output: `holdfast-egress:${JSON.stringify({ tries, driver: null })}` };
  }

  /** A process that stands still wrote its last word long ago. */
  #seek(): ExecAnswer {
    const { driver } = this;
    if (driver?.process.alive !== true) return { exitCode: 3, output: "" };
    const state = driver.live ? "live" : "dialling";
    const at = driver.process.frozen ? 0 : this.#now();
    const lastError = this.egress === "open" ? null : "connect ETIMEDOUT";
    const json = JSON.stringify({ state, at, lastError });
    const nowS = Math.floor(this.#now() / 1_000);
    return { exitCode: 0, output: `holdfast-seek: ${nowS} known ${json}` };
  }

  #nudge(command: string): ExecAnswer {
    const { driver } = this;
    if (driver?.process.alive !== true) return { exitCode: 3, output: "no living driver" };
    const [, issued] = /-gt (\d+)/.exec(command) ?? [];
    if (driver.live && (driver.epoch ?? 0) > Number(issued)) return { exitCode: 0, output: "live" };
    const ticket = /tkt_\w+/.exec(command)?.[0] ?? null;
    // A signal to a stopped process waits for it, like everything else.
    driver.process.run(() => driver.signal(ticket));
    return { exitCode: 0, output: "signalled" };
  }

  #start(): ExecAnswer {
    const files = driverFiles(`${SIM_HOME}/${DRIVER_DIR}`);
    const config = this.files.get(files.config);
    if (config === undefined || !this.files.has(files.bundle)) {
      return { exitCode: 5, output: "no driver was uploaded" };
    }
    this.#endDriver();
    this.driver = this.#launch(config, this);
    return { exitCode: 0, output: "launched" };
  }

  #endAll(): void {
    this.#endDriver();
    for (const { process } of this.#twins.splice(0)) if (process.alive) process.kill();
  }

  #endDriver(): void {
    if (this.driver?.process.alive === true) this.driver.process.kill();
    this.driver = null;
  }
}
