/**
 * What must hold in every world after every event, whatever breaks. The numbers are those of the
 * invariants in docs/SPEC.md. A watcher sees the world from outside, with the ground truth that
 * no part of Holdfast has.
 */
import { limits } from "../../base/limits.ts";
import type { Session } from "../../hub/session/session.ts";
import type { SessionRecord } from "../../store/facts.ts";
import type { SimSandbox } from "./sandbox.ts";
import type { SimDriver } from "./driver.ts";
import { simPolicy, type HubLife, type World } from "./world.ts";

/** A proof may be this old when it counts: one probe's own deadline and the way back. */
const PROOF_AGE_MAX_MS = 6_000;
/** Work that ends at its deadline still has to be written down. */
const DEADLINE_SLACK_MS = 1_000;
/** The longest attempt there is, start to verdict. */
const ATTEMPT_MAX_MS = Math.max(...[simPolicy.createMs, simPolicy.resumeMs, simPolicy.healMs]);

/** A driver on a link that went silent believes in it for DRIVER_DEAD_MS. */
const TWINS_MAX_MS = limits.DRIVER_DEAD_MS + 4_000;

const WORKING = new Set(["creating", "resuming", "nudging"]);

export interface Violation {
  readonly invariant: string;
  readonly atMs: number;
  readonly text: string;
}

interface Seen {
  record: SessionRecord;
  /** Real time at which the running attempt began. */
  attemptAtMs: number;
  workingSince: number | null;
}

export class Watcher {
  readonly violations: Violation[] = [];
  /** States and outcomes that were reached at least once. */
  readonly sometimes = new Set<string>();
  readonly #world: World;
  readonly #seen = new Map<string, Seen>();
  /** Real time at which a sandbox last was all that a connected session promises. */
  readonly #goodAt = new Map<string, number>();
  readonly #holders = new Map<string, SimDriver>();
  /** Hub life in which a session was last seen. */
  readonly #lives = new Map<string, HubLife | null>();
  readonly #twinsSince = new Map<string, number>();
  readonly #requested = new Set<string>();
  #factsRead = 0;
  #hubDownMs = 0;
  #checkedAtMs = 0;

  constructor(world: World) {
    this.#world = world;
    world.onCall = (name, sandbox, detail) => this.#called(name, sandbox, detail);
  }

  /** After every event. */
  check(): void {
    const { kernel, platform, hub } = this.#world;
    const gapMs = kernel.now - this.#checkedAtMs;
    this.#checkedAtMs = kernel.now;
    if (hub === null || hub.process.frozen) this.#hubDownMs += gapMs;
    for (const sandbox of platform.sandboxes) {
      if (isGood(sandbox)) this.#goodAt.set(sandbox.id, kernel.now);
    }
    this.#readFacts();
    for (const session of this.#world.sessions) this.#checkSession(session);
    this.#checkDrivers();
  }

  /** Once the world had time to settle. */
  checkSettled(): void {
    const { platform, sessions, store } = this.#world;
    const living = new Map(sessions.map((session) => [session.record.id, session.record]));
    for (const sandbox of platform.sandboxes) {
      const owner = living.get(sandbox.labels["holdfast/session"] ?? "");
      const owned =
        owner !== undefined && (owner.sandboxId === sandbox.id || owner.sandboxId === null);
      if (!owned && sandbox.state !== "destroying") {
        this.#violate("I17", `sandbox ${sandbox.name} (${sandbox.state}) belongs to nobody`);
      }
    }
    for (const record of store.load()) this.#checkOutcome(record);
  }

  #checkOutcome(record: SessionRecord): void {
    const { platform } = this.#world;
    const sandbox = platform.find(record.sandboxId ?? record.sandboxName);
    const { desired, state, detail, name, fault } = record;
    const said = `${name} wants ${desired} and is ${detail}${fault === null ? "" : ` (${fault.code})`}`;
    if (desired === "ended") this.#violate("I11", said);
    else if (state === "error") {
      const mendable = sandbox !== null && !sandbox.damaged && sandbox.state !== "error";
      if (mendable) this.#violate("I11", `${said} although its sandbox is well`);
    } else if (desired === "suspended" && detail !== "suspended.paused") {
      if (state !== "connected") this.#violate("I11", said);
    } else if (desired === "connected" && state !== "connected") {
      // What cannot be mended may be looked at again and again, each time within its deadline.
      if (sandbox?.damaged !== true) this.#violate("I11", said);
    }
  }

  #readFacts(): void {
    const facts = this.#world.store.events({ after: this.#factsRead, limit: 1_000 });
    for (const fact of facts) {
      this.#factsRead = fact.seq;
      this.sometimes.add(fact.kind === "session.entered" ? `state ${fact.detail}` : fact.kind);
      if (fact.kind === "session.failed") this.sometimes.add(`fault ${String(fact.data["code"])}`);
      if (fact.kind === "sandbox.requested") {
        this.#requested.add(String(fact.data["sandboxName"]));
      }
    }
  }

  #called(name: string, sandbox: string, detail: string): void {
    this.#readFacts();
    if (name === "create" && !this.#requested.has(sandbox)) {
      this.#violate("I15", `a create of ${sandbox} without a durable intent`);
    }
    if (name === "destroy") {
      const owner = this.#world.sessions.find(({ record }) => record.sandboxId === sandbox);
      if (owner !== undefined && owner.record.desired !== "ended") {
        this.#violate("I18", `the sandbox of ${owner.record.name} is deleted while it is wanted`);
      }
    }
    if (detail.includes("kill -USR1")) {
      this.sometimes.add("nudged");
      const session = this.#world.sessions.find(({ record }) => record.sandboxId === sandbox);
      if (session?.record.state === "connected") {
        this.#violate("I26", `${session.record.name} is connected and was nudged`);
      }
    }
  }

  #checkSession(session: Session): void {
    const { record } = session;
    const seen = this.#seen.get(record.id);
    if (seen?.record === record) {
      this.#checkTime(seen);
      return;
    }
    const before = seen?.record;
    const now = this.#world.kernel.now;
    const working = WORKING.has(record.state) || record.detail === "suspended.requesting";
    const next: Seen = {
      record,
      attemptAtMs: before?.attempt === record.attempt ? (seen?.attemptAtMs ?? now) : now,
      workingSince: working ? (seen?.workingSince ?? now) : null,
    };
    if (before !== undefined && record.deadlineAt !== before.deadlineAt) {
      next.workingSince = working ? now : null;
    }
    this.#seen.set(record.id, next);
    const life = this.#lives.get(record.id);
    this.#lives.set(record.id, this.#world.hub);
    if (before === undefined) return;
    if (life !== this.#world.hub) this.#checkRestart(before, record);
    if (record.epoch < before.epoch || record.epochIssued < before.epochIssued) {
      this.#violate("I5", `${record.name}: epoch went back`);
    }
    if (before.desired === "ended" && record.desired !== "ended") {
      this.#violate("I20", `${record.name} came back from its removal`);
    }
    if (record.state === "connected" && before.state !== "connected") this.#checkProof(session);
    if (record.state === "connected" && session.route?.epoch !== record.epoch) {
      this.#violate("I1", `${record.name} is connected without the driver of its epoch`);
    }
    if (record.state === "error") this.#checkFault(record);
    if (record.detail === "suspended.paused") this.#checkPaused(record);
  }

  /** I1, I2, I3: what connected promises was true moments ago, in the real world. */
  #checkProof(session: Session): void {
    const { record } = session;
    const { kernel, drivers } = this.#world;
    this.sometimes.add("connected");
    if (record.attempt > 1) this.sometimes.add("connected again");
    const ageMs = kernel.now - (this.#goodAt.get(record.sandboxId ?? "") ?? -Infinity);
    if (ageMs > PROOF_AGE_MAX_MS) {
      this.#violate("I2", `${record.name} is connected; its sandbox was not well for ${ageMs} ms`);
    }
    const driver = drivers.find((one) => one.session === record.id && one.epoch === record.epoch);
    if (driver === undefined) {
      this.#violate("I1", `${record.name}: no driver ever held epoch ${record.epoch}`);
    }
    const evidence = session.health().evidence;
    for (const [probe, seen] of Object.entries(evidence)) {
      if (seen.ok !== true) this.#violate("I2", `${record.name} is connected, ${probe} is not ok`);
    }
  }

  /** I12: what a restart finds of a deadline is what was left of it. */
  #checkRestart(before: SessionRecord, record: SessionRecord): void {
    if (before.deadlineAt === null || record.deadlineAt === null) return;
    // An attempt that ran out while the hub was down may start another kind, with its own time.
    if (record.state !== before.state || record.attempt !== before.attempt) return;
    if (record.deadlineAt <= before.deadlineAt) return;
    const byMs = record.deadlineAt - before.deadlineAt;
    this.#violate("I12", `${record.name}: a restart moved its deadline by ${byMs} ms`);
  }

  /** I5: one epoch is never given to two drivers. */
  #checkHolder(driver: SimDriver, key: string): void {
    const holder = this.#holders.get(key);
    if (holder === undefined) this.#holders.set(key, driver);
    else if (holder !== driver) {
      this.#violate("I5", `two drivers were given the epoch ${key}`);
      this.#holders.set(key, driver);
    }
  }

  /** Suspended is a promise, too: nothing of the sandbox runs, so nothing of it is paid for. */
  #checkPaused(record: SessionRecord): void {
    const sandbox = this.#world.platform.find(record.sandboxId ?? "");
    if (sandbox?.state === "started") {
      this.#violate("I51", `${record.name} is suspended and its sandbox runs`);
    }
  }

  /** I4: two drivers of one session may meet, but not stay. */
  #checkDrivers(): void {
    const { drivers, kernel } = this.#world;
    const live = new Map<string, number>();
    for (const driver of drivers) {
      const { process } = driver;
      if (driver.epoch !== null) this.#checkHolder(driver, `${driver.session}/${driver.epoch}`);
      if (!process.alive || process.frozen || !driver.live) continue;
      live.set(driver.session, (live.get(driver.session) ?? 0) + 1);
    }
    for (const [session, count] of live) {
      if (count < 2) this.#twinsSince.delete(session);
      else if (!this.#twinsSince.has(session)) this.#twinsSince.set(session, kernel.now);
      const sinceMs = kernel.now - (this.#twinsSince.get(session) ?? kernel.now);
      if (sinceMs > TWINS_MAX_MS) {
        this.#violate("I4", `${count} drivers of ${session} live for ${sinceMs} ms`);
        this.#twinsSince.delete(session);
      }
    }
  }

  #checkFault(record: SessionRecord): void {
    const { fault, name } = record;
    if (fault === null) this.#violate("I22", `${name} is in error without a fault`);
    else if (fault.evidence.length === 0) {
      this.#violate("I22", `${name}: ${fault.code} carries no evidence`);
    } else if (fault.code === "Internal") {
      this.#violate("I22", `${name}: a defect reached a user: ${fault.message}`);
    }
    if (fault?.code === "PlatformAuthRejected" && fault.retryable) {
      this.#violate("I24", `${name}: a rejected key counts as retryable`);
    }
  }

  /** I9, I12: an attempt ends by its deadline, in real time, over any number of hub lives. */
  #checkTime(seen: Seen): void {
    const { kernel, hub, wallJumpedAt } = this.#world;
    if (seen.workingSince === null || hub === null || hub.process.frozen) return;
    if (wallJumpedAt > seen.workingSince) return;
    const ranMs = kernel.now - seen.workingSince;
    if (ranMs <= ATTEMPT_MAX_MS + DEADLINE_SLACK_MS + this.#hubDownMs) return;
    this.#violate("I9", `${seen.record.name} is ${seen.record.detail} for ${Math.round(ranMs)} ms`);
    seen.workingSince = null;
  }

  #violate(invariant: string, text: string): void {
    this.violations.push({ invariant, atMs: Math.round(this.#world.kernel.now), text });
  }
}

function isGood(sandbox: SimSandbox): boolean {
  return sandbox.state === "started" && sandbox.exec === "ok" && sandbox.filesystem === "ok";
}
