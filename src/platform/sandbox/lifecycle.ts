/**
 * The transitions of a sandbox: create, start, stop, pause, recover, delete. Each takes the one
 * lock of its sandbox, writes the state it enters before it acts and the one it reached after.
 */
import type { SandboxState } from "@daytona/api-client";
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { Drills } from "../faults/drills.ts";
import { stepFault } from "../faults/step-faults.ts";
import type { StepFault } from "../faults/step-faults.ts";
import { uidOf } from "../host.ts";
import type { Host } from "../host.ts";
import { prepareRoot, removeRoot, topOf } from "../isolation/root-tree.ts";
import { done, refuse, textOf } from "../outcome.ts";
import type { Outcome } from "../outcome.ts";
import { dirOf, endProcesses, isRunning, setPaused, startProcesses, treeOf } from "./processes.ts";
import type { DesiredState, SandboxRecord } from "./record.ts";
import type { Held, Registry } from "./registry.ts";
import { refusalOf } from "./rules.ts";
import type { Verb } from "./rules.ts";
import { Turns } from "./turns.ts";

/** Puts a new sandbox's first files in place; the reason why it could not, else undefined. */
export type Fill = (top: string) => Promise<string | undefined>;

/** A start waits half of its time: more than this many only make each other late. */
const STARTS_AT_ONCE = 4 * availableParallelism();

export class Lifecycle {
  readonly #host: Host;
  readonly #registry: Registry;
  readonly #drills: Drills;
  readonly #starts = new Turns(STARTS_AT_ONCE);

  constructor(host: Host, registry: Registry, drills: Drills) {
    this.#host = host;
    this.#registry = registry;
    this.#drills = drills;
  }

  /** Holds until the sandbox is started or has failed; a failed one stays, with its reason. */
  async create(record: SandboxRecord, fill?: Fill): Promise<Outcome<Held>> {
    if (this.#registry.of(record.organizationId).some((held) => held.record.name === record.name)) {
      return refuse(409, `Sandbox with name ${record.name} already exists`);
    }
    const fault = stepFault(this.#drills, "create", record);
    if (fault?.kind === "refuse") return { ok: false, refusal: fault.refusal };
    const held = this.#registry.add(record);
    const enter = (): void => {
      mkdirSync(dirOf(this.#host, record.id), { recursive: true, mode: 0o755 });
      const builds = fault?.kind === "fail" && fault.state === "build_failed";
      if (builds) record.state = "building_snapshot";
      this.#tell(held, "creating");
      this.#registry.save(held);
    };
    return this.#carryOut(held, fault, enter, async () => {
      const tree = treeOf(this.#host, record);
      mkdirSync(topOf(tree), { recursive: true, mode: 0o755 });
      const problem = await fill?.(topOf(tree));
      if (problem !== undefined) return this.#fail(held, problem);
      prepareRoot(tree, uidOf(this.#host, record.number), record.id.slice(0, 12));
      return this.#bringUp(held);
    });
  }

  start(held: Held): Promise<Outcome<Held>> {
    const { state } = held.record;
    if (state === "paused") {
      return this.#transition(held, "start", "resuming", "started", () => this.#thaw(held));
    }
    const via = state === "archived" ? "restoring" : "starting";
    return this.#transition(held, "start", via, "started", () => this.#bringUp(held));
  }

  recover(held: Held): Promise<Outcome<Held>> {
    return this.#transition(held, "recover", "starting", "started", async () => {
      const problem = await endProcesses(this.#host, held.record);
      return problem === undefined ? this.#bringUp(held) : this.#fail(held, problem);
    });
  }

  stop(held: Held): Promise<Outcome<Held>> {
    return this.#transition(held, "stop", "stopping", "stopped", async () => {
      const problem = await endProcesses(this.#host, held.record);
      if (problem !== undefined) return this.#fail(held, problem);
      held.record.stoppedAt = new Date().toISOString();
      return this.#reach(held, "stopped");
    });
  }

  /** Its files stay where they are: this machine has no colder place. */
  archive(held: Held): Promise<Outcome<Held>> {
    return this.#transition(held, "archive", "archiving", "archived", () =>
      Promise.resolve(this.#reach(held, "archived")),
    );
  }

  pause(held: Held): Promise<Outcome<Held>> {
    return this.#transition(held, "pause", "pausing", "paused", async () => {
      if (await setPaused(this.#host, held.record, true)) return this.#reach(held, "paused");
      await setPaused(this.#host, held.record, false);
      return this.#fail(held, "the sandbox's processes could not be frozen");
    });
  }

  delete(held: Held): Promise<Outcome<Held>> {
    return this.#transition(held, "delete", "destroying", "destroyed", async () => {
      const problem = await endProcesses(this.#host, held.record);
      if (problem !== undefined) return this.#fail(held, problem);
      removeRoot(treeOf(this.#host, held.record));
      held.record.state = "destroyed";
      this.#tell(held, "reached");
      this.#registry.remove(held.record.id);
      return done(held);
    });
  }

  /** Called when nobody asked: the processes ended by themselves, so the claim must follow. */
  async noticeEnd(held: Held): Promise<void> {
    if (held.pending || isRunning(held.record)) return;
    held.pending = true;
    try {
      const problem = await endProcesses(this.#host, held.record);
      if (problem !== undefined) {
        this.#fail(held, problem);
        return;
      }
      held.record.stoppedAt = new Date().toISOString();
      held.record.desiredState = "stopped";
      this.#reach(held, "stopped");
    } finally {
      held.pending = false;
    }
  }

  /** The platform was killed while it copied this one, which stood still for that. */
  async wake(held: Held): Promise<void> {
    const { record } = held;
    record.state = record.desiredState === "paused" ? "paused" : "started";
    if (record.state === "started" && isRunning(record)) {
      await setPaused(this.#host, record, false);
    }
    await this.noticeEnd(held);
  }

  /** The platform was killed while it made this one: its root may be half there. */
  async giveUpCreate(held: Held): Promise<void> {
    const problem = await endProcesses(this.#host, held.record);
    const detail = problem === undefined ? "" : `; ${problem}`;
    this.#fail(held, `the platform ended while the sandbox was created${detail}`);
  }

  async #transition(
    held: Held,
    verb: Verb,
    through: SandboxState,
    desired: DesiredState,
    act: () => Promise<Outcome<Held>>,
  ): Promise<Outcome<Held>> {
    const { state, sandboxClass } = held.record;
    const refusal = refusalOf(verb, { state, sandboxClass, pending: held.pending });
    if (refusal !== undefined) return { ok: false, refusal };
    const step = verb === "recover" ? "start" : verb;
    const fault = step === "archive" ? undefined : stepFault(this.#drills, step, held.record);
    if (fault?.kind === "refuse") return { ok: false, refusal: fault.refusal };
    if (fault?.kind === "ignore") return done(held);
    const enter = (): void => {
      held.record.state = through;
      this.#tell(held, verb);
      held.record.desiredState = desired;
      held.record.errorReason = null;
      this.#registry.save(held);
    };
    return this.#carryOut(held, fault, enter, act);
  }

  /**
   * Enters the state, then acts. A drill may hold the act up: then the answer is the sandbox as it
   * stands, as from the real platform, and the lock is held until the act is over behind it.
   */
  async #carryOut(
    held: Held,
    fault: StepFault | undefined,
    enter: () => void,
    act: () => Promise<Outcome<Held>>,
  ): Promise<Outcome<Held>> {
    held.pending = true;
    const locked = async (work: () => Promise<Outcome<Held>>): Promise<Outcome<Held>> => {
      try {
        return await work();
      } catch (error) {
        return this.#fail(held, textOf(error));
      } finally {
        held.pending = false;
      }
    };
    const entered = (): Promise<Outcome<Held>> => {
      enter();
      return Promise.resolve(done(held));
    };
    if (fault?.kind === "fail") {
      const { reason, state, afterMs } = fault;
      const failing = async (): Promise<Outcome<Held>> => {
        await delay(afterMs);
        return this.#fail(held, reason, state);
      };
      if (afterMs === 0) return locked(() => entered().then(failing));
      enter();
      void locked(failing);
      return done(held);
    }
    if (fault?.kind === "stuck") {
      enter();
      // A platform that ends leaves the state as it is: the next one finds it half made.
      void locked(async () => ((await fault.until()) ? act() : done(held)));
      return done(held);
    }
    return locked(() => entered().then(act));
  }

  async #bringUp(held: Held): Promise<Outcome<Held>> {
    const { record } = held;
    if ((record.tier === "process") !== (this.#host.launcher.tier === "process")) {
      const now = this.#host.launcher.tier;
      return this.#fail(held, `it was made in tier ${record.tier}, the platform now runs ${now}`);
    }
    record.tier = this.#host.launcher.tier;
    const reason = await this.#starts.take(() => startProcesses(this.#host, record));
    if (reason !== undefined) {
      const problem = await endProcesses(this.#host, record);
      return this.#fail(held, problem === undefined ? reason : `${reason}; ${problem}`);
    }
    record.previewToken = randomBytes(24).toString("base64url");
    record.lastActivityAt = new Date().toISOString();
    record.stoppedAt = null;
    return this.#reach(held, "started");
  }

  async #thaw(held: Held): Promise<Outcome<Held>> {
    if (!isRunning(held.record)) return this.#fail(held, "the paused processes are gone");
    if (!(await setPaused(this.#host, held.record, false))) {
      return this.#fail(held, "the sandbox's processes could not be thawed");
    }
    held.record.lastActivityAt = new Date().toISOString();
    return this.#reach(held, "started");
  }

  #reach(held: Held, state: SandboxState): Outcome<Held> {
    held.record.state = state;
    this.#tell(held, "reached");
    this.#registry.save(held);
    return done(held);
  }

  #tell(held: Held, what: string): void {
    const { id, name, state } = held.record;
    this.#host.log.info({ sandbox: id, name, state }, what);
  }

  #fail(held: Held, reason: string, state: SandboxState = "error"): Outcome<Held> {
    held.record.state = state;
    held.record.errorReason = reason;
    this.#host.log.error({ sandbox: held.record.id, name: held.record.name, reason }, "failed");
    this.#registry.save(held);
    return refuse(400, `Sandbox failed to start: ${reason}`);
  }
}
