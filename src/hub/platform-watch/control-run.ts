/**
 * One control sandbox: a fresh sandbox that goes through what every session needs, so that "this
 * sandbox is broken" can be told from "the platform is broken". Owns the steps, their deadlines
 * and the sandbox, which it deletes whatever happened before. When to run one is decided in
 * control-desk.ts.
 *
 * A step that the platform does not offer is skipped and said. A step that fails for a reason of
 * ours (key, quota, configuration) tells nothing about the platform: the verdict is unknown.
 */
import type { Clock } from "../../base/clock.ts";
import { sleep, withDeadline } from "../../base/deadline.ts";
import type { FaultCode } from "../../base/faults.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import { newId } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import type { SandboxProvider } from "../../providers/provider.ts";
import { LABELS } from "../labels.ts";
import type { ControlAnswer } from "../session/work-desk.ts";

/** Steps in order, each with its deadline: what a healthy platform needs, many times over. */
const STEP_MS_MAX = {
  create: 45_000,
  write: 10_000,
  exec: 10_000,
  pause: 20_000,
  resume: 20_000,
  read: 10_000,
  delete: 20_000,
} as const;
/** Between two deletes of a sandbox that the platform is still busy with. */
const DELETE_EVERY_MS = 500;

export type ControlStepName = keyof typeof STEP_MS_MAX;
export const CONTROL_STEPS = Object.keys(STEP_MS_MAX) as readonly ControlStepName[];
/** Every name of a control sandbox begins so. */
export const CONTROL_NAME = "holdfast-control-";

export interface ControlStep {
  readonly name: ControlStepName;
  readonly outcome: "waiting" | "running" | "ok" | "failed" | "skipped";
  readonly tookMs: number | null;
  /** What was seen, or why it was skipped. */
  readonly text: string;
}

export interface ControlResult extends ControlAnswer {
  /** The step that failed, with what the platform really said. */
  readonly failed: {
    readonly step: ControlStepName;
    readonly code: FaultCode;
    readonly text: string;
    readonly raw: string | null;
  } | null;
  readonly steps: readonly ControlStep[];
  readonly sandboxName: string;
  /** From the request to the delete: what it costs at most. */
  readonly sandboxSeconds: number;
  /** False when the sandbox may still be there. */
  readonly deleted: boolean;
}

export interface ControlRunOptions {
  readonly hubId: string;
  readonly provider: SandboxProvider;
  readonly clock: Clock;
  readonly random: Random;
  /** The hub is going down: nobody waits for the rest. */
  readonly signal: AbortSignal;
}

/** Faults that are about us or about one request, and not about whether the platform works. */
const NOT_THE_PLATFORM: readonly FaultCode[] = [
  "PlatformAuthRejected",
  "PlatformQuota",
  "PlatformRateLimited",
  "ImageMissing",
  "SnapshotMissing",
  "SnapshotInactive",
  "ImageBuildFailed",
  "Internal",
];

class Skipped extends Error {}

export class ControlRun {
  readonly sandboxName: string;
  readonly startedAt: number;
  readonly #options: ControlRunOptions;
  readonly #nonce: string;
  #steps: readonly ControlStep[] = CONTROL_STEPS.map((name) => ({
    name,
    outcome: "waiting",
    tookMs: null,
    text: "",
  }));
  #failed: ControlResult["failed"] = null;

  constructor(options: ControlRunOptions) {
    const { random, clock } = options;
    this.#options = options;
    this.startedAt = clock.now();
    this.sandboxName = CONTROL_NAME + newId("ctl", random).toLowerCase();
    this.#nonce = newId("prb", random);
  }

  /** As far as it is now. */
  get steps(): readonly ControlStep[] {
    return this.#steps;
  }

  /** Nothing was asked of the platform. */
  notBegun(why: string): ControlResult {
    const text = `no control sandbox was asked: ${why}`;
    return this.#result({ verdict: "unknown", text, tookMs: 0, deleted: true });
  }

  async run(): Promise<ControlResult> {
    const { clock } = this.#options;
    const beganAt = clock.mono();
    const sandboxId = await this.#create();
    if (sandboxId !== null) await this.#use(sandboxId);
    const deleted = await this.#delete(sandboxId ?? this.sandboxName);
    const tookMs = Math.round(clock.mono() - beganAt);
    return this.#result({ ...this.#verdict(), tookMs, deleted });
  }

  #result(told: Pick<ControlResult, "verdict" | "text" | "tookMs" | "deleted">): ControlResult {
    return {
      ...told,
      at: this.#options.clock.now(),
      failed: this.#failed,
      steps: this.#steps,
      sandboxName: this.sandboxName,
      sandboxSeconds: told.tookMs / 1_000,
    };
  }

  async #create(): Promise<string | null> {
    const { provider, hubId } = this.#options;
    const labels = { [LABELS.control]: "1", [LABELS.hub]: hubId };
    const request = { name: this.sandboxName, env: {}, labels };
    const claim = await this.#step("create", (signal) =>
      provider.create(request, STEP_MS_MAX.create, signal),
    );
    return claim?.sandboxId ?? null;
  }

  /** Everything between create and delete; ends with the first step that fails. */
  async #use(id: string): Promise<void> {
    const { provider } = this.#options;
    const bytes = new TextEncoder().encode(this.#nonce);
    let file = "";
    const wrote = await this.#step("write", async (signal) => {
      file = `${await provider.homeDir(id, signal)}/.holdfast-control`;
      await provider.writeFile(id, file, bytes, signal);
      return `wrote ${bytes.length} bytes`;
    });
    if (wrote === null) return;
    if ((await this.#step("exec", (signal) => this.#exec(id, signal))) === null) return;
    const paused = await this.#step("pause", (signal) => this.#pause(id, signal));
    if (this.#failed !== null) return;
    if (paused === null) this.#note("resume", "skipped", null, "there is nothing to resume");
    else if ((await this.#step("resume", (signal) => this.#resume(id, signal))) === null) return;
    await this.#step("read", async (signal) => {
      const back = new TextDecoder().decode(await provider.readFile(id, file, signal));
      if (back === this.#nonce) return "the file is what was written";
      throw new HubError("FilesystemBroken", "the file is not what was written", { raw: back });
    });
  }

  /** The shell joins two halves: an answer that repeats the command does not have the whole. */
  async #exec(id: string, signal: AbortSignal): Promise<string> {
    const middle = this.#nonce.length >> 1;
    const command = `printf %s%s ${this.#nonce.slice(0, middle)} ${this.#nonce.slice(middle)}`;
    const timeoutMs = STEP_MS_MAX.exec - 500;
    const { exitCode, output } = await this.#options.provider.exec(
      id,
      { command, timeoutMs },
      signal,
    );
    if (exitCode === 0 && output.includes(this.#nonce)) return "the nonce came back";
    const said = `exit ${exitCode}, and the nonce did not come back`;
    throw new HubError("ExecBroken", said, { raw: output });
  }

  async #pause(id: string, signal: AbortSignal): Promise<string> {
    try {
      const claim = await this.#options.provider.pause(id, STEP_MS_MAX.pause, signal);
      return `the platform says ${claim.platformState}`;
    } catch (error) {
      if (toHubError(error).code !== "PauseUnsupported") throw error;
      throw new Skipped("this platform cannot pause such a sandbox", { cause: error });
    }
  }

  /** What the platform says of a wake is a claim: a command has to run. */
  async #resume(id: string, signal: AbortSignal): Promise<string> {
    const claim = await this.#options.provider.start(id, STEP_MS_MAX.resume, signal);
    await this.#exec(id, signal);
    return `the platform says ${claim.platformState}, and a command ran`;
  }

  async #delete(idOrName: string): Promise<boolean> {
    const { provider, clock } = this.#options;
    const gone = await this.#step("delete", async (signal) => {
      for (;;) {
        try {
          if (await provider.destroy(idOrName, signal)) return "the platform has it no more";
        } catch (error) {
          // Busy with a change of its own: the deadline of the step says for how long.
          if (toHubError(error).code !== "StateConflict") throw error;
        }
        await sleep(clock, DELETE_EVERY_MS, signal);
      }
    });
    return gone !== null;
  }

  /** Null when it failed or was skipped; what failed first is what the verdict is about. */
  async #step<T>(
    name: ControlStepName,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | null> {
    const { clock, signal } = this.#options;
    const beganAt = clock.mono();
    const tookMs = (): number => Math.round(clock.mono() - beganAt);
    const waitMs = STEP_MS_MAX[name];
    this.#note(name, "running", null, "");
    try {
      const late = (): HubError => new HubError("PlatformTimeout", `not done within ${waitMs} ms`);
      const result = await withDeadline(clock, waitMs, work, late, signal);
      this.#note(name, "ok", tookMs(), typeof result === "string" ? result : "");
      return result;
    } catch (error) {
      if (error instanceof Skipped) {
        this.#note(name, "skipped", tookMs(), error.message);
        return null;
      }
      const { code, message, raw = null } = toHubError(error);
      this.#note(name, "failed", tookMs(), message);
      this.#failed ??= { step: name, code, text: message, raw };
      return null;
    }
  }

  #note(
    name: ControlStepName,
    outcome: ControlStep["outcome"],
    tookMs: number | null,
    text: string,
  ): void {
    this.#steps = this.#steps.map((step) =>
      step.name === name ? { name, outcome, tookMs, text } : step,
    );
  }

  #verdict(): Pick<ControlResult, "verdict" | "text"> {
    const failed = this.#failed;
    if (failed === null) {
      const skipped = this.#steps.filter(({ outcome }) => outcome === "skipped");
      const without = skipped.length === 0 ? "" : `, without ${skipped.map(nameOf).join(" and ")}`;
      const text = `a fresh control sandbox did everything that a session needs${without}`;
      return { verdict: "platform-ok", text };
    }
    const said = `${failed.step} failed: ${failed.text}`;
    if (this.#options.signal.aborted) {
      return { verdict: "unknown", text: "the control sandbox was called off" };
    }
    return NOT_THE_PLATFORM.includes(failed.code)
      ? { verdict: "unknown", text: `the control sandbox could not tell: ${said}` }
      : { verdict: "platform-broken", text: `a fresh control sandbox fails, too: ${said}` };
  }
}

function nameOf({ name }: ControlStep): string {
  return name;
}
