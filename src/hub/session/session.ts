/**
 * One session at work: its actor, its ledger, its board and the link of its driver. Turns every
 * state the machine enters into a fact, and is the only door through which events reach it.
 */
import { createActor, type Actor, type StateValue } from "xstate";
import { HubError } from "../../base/hub-error.ts";
import { faults, type FaultCode } from "../../base/faults.ts";
import type { LinkProber } from "../../probes/probe.ts";
import { discardSandbox, type SessionRecord, type SessionState } from "../../store/facts.ts";
import { boundMachine } from "./bind.ts";
import { EvidenceBoard } from "./board.ts";
import { DriverWork } from "./driver-work.ts";
import type { SessionMachineEvent } from "./events.ts";
import { healthOf, type SessionHealth } from "./health.ts";
import type { SessionLedger } from "./ledger.ts";
import type { SessionMachine, SessionSnapshot } from "./machine.ts";
import { recover } from "./recover.ts";
import { SandboxWork } from "./sandbox-work.ts";
import { StartWork } from "./start-work.ts";
import { WorkDesk, type LinkEnding, type WorkDeps } from "./work-desk.ts";

/** The driver's link as the session holds it; the switchboard implements it. */
export interface DriverLink extends LinkProber {
  readonly epoch: number;
  /** Polite or hard, as the reason needs; a paused sandbox answers no close frame. */
  end(why: LinkEnding): void;
}

export type SessionParts = Omit<WorkDeps, "board" | "links" | "ledger" | "isTaken">;

export class Session {
  readonly ledger: SessionLedger;
  readonly #board: EvidenceBoard;
  readonly #actor: Actor<SessionMachine>;
  readonly #parts: SessionParts;
  readonly #onEntered: (session: Session) => void;
  #link: DriverLink | null = null;
  #entered = "";

  constructor(options: {
    parts: SessionParts;
    ledger: SessionLedger;
    isTaken: (sandboxId: string) => boolean;
    /** After each state change, once it is a fact. */
    onEntered: (session: Session) => void;
  }) {
    const { parts, ledger, isTaken } = options;
    this.ledger = ledger;
    this.#parts = parts;
    this.#onEntered = options.onEntered;
    this.#board = new EvidenceBoard(parts.clock, ledger);
    const links = {
      prober: (epoch: number) => (this.#link?.epoch === epoch ? this.#link : null),
      drop: (why: LinkEnding) => this.#link?.end(why),
    };
    const desk = new WorkDesk({ ...parts, ledger, board: this.#board, links, isTaken });
    const works = {
      desk,
      start: new StartWork(desk),
      sandbox: new SandboxWork(desk),
      driver: new DriverWork(desk),
    };
    this.#actor = createActor(boundMachine, {
      input: { works, ...recover(ledger.record, parts.policy, parts.clock.now()) },
      clock: {
        setTimeout: (fn, ms) => parts.clock.setTimeout(fn, ms),
        clearTimeout: (id) => parts.clock.clearTimeout(id),
      },
    });
    this.#actor.subscribe({
      next: (snapshot) => this.#record(snapshot),
      error: (error) => parts.log.error({ err: error, session: ledger.record.id }, "actor failed"),
    });
  }

  start(): void {
    this.#actor.start();
  }

  /** Ends the actor without changing any fact: the hub is going down, the session is not. */
  stop(): void {
    // The link ends after the store has closed; its end is then nobody's fact.
    this.#link = null;
    this.#actor.stop();
  }

  get record(): SessionRecord {
    return this.ledger.record;
  }

  /** The driver's link, when the session is proven; streams go nowhere else. */
  get route(): DriverLink | null {
    return this.#actor.getSnapshot().hasTag("routable") ? this.#link : null;
  }

  /** A driver confirmed its epoch. The link it replaces ends. */
  attach(link: DriverLink): void {
    const before = this.#link;
    this.#link = link;
    this.#board.driverAttached();
    before?.end("replaced");
    this.#actor.send({ type: "driver.attached", epoch: link.epoch, at: this.#parts.clock.now() });
  }

  detach(link: DriverLink, reason: string): void {
    if (this.#link !== link) return;
    this.#link = null;
    this.#board.driverDetached();
    this.ledger.note("driver.detached", `driver link lost: ${reason}`, { epoch: link.epoch });
    this.#actor.send({ type: "driver.detached", epoch: link.epoch, at: this.#parts.clock.now() });
  }

  fellSilent(link: DriverLink): void {
    if (this.#link !== link) return;
    this.#actor.send({ type: "driver.fellSilent", epoch: link.epoch, at: this.#parts.clock.now() });
  }

  /**
   * Somebody has reason to think that all is not well: a connected session proves itself at once,
   * any other keeps the sentence for its next attempt. Nothing is concluded from it.
   */
  doubt(text: string): void {
    this.ledger.note("platform.claimed", text);
    const link = this.#link;
    if (link !== null) this.fellSilent(link);
  }

  /**
   * What an operator asked for.
   * @throws HubError when the session is in no state for it.
   */
  operate(
    type: "operator.paused" | "operator.resumed" | "operator.retried" | "operator.removed",
  ): void {
    const event: SessionMachineEvent = { type, at: this.#parts.clock.now() };
    const { state } = this.record;
    if (state === "ended") throw new HubError("SessionEnded", `session ${this.record.name} ended`);
    if (!this.#actor.getSnapshot().can(event)) throw this.#conflict(type);
    const desired = DESIRED[type];
    const verb = type.slice("operator.".length);
    this.ledger.note("intent.changed", `${verb} by request`, { desired }, { desired });
    this.#discardGone(type);
    if (type !== "operator.removed") this.#board.startAttempt();
    this.#actor.send(event);
  }

  health(): SessionHealth {
    const snapshot = this.#actor.getSnapshot();
    const { context } = snapshot;
    const link = this.#link;
    return healthOf({
      record: this.record,
      claim: this.#board.claim,
      evidence: this.#board.evidence,
      driverAttached: link !== null,
      driverAbsentSince: this.#board.driverAbsentSince,
      epoch: context.epoch ?? this.record.epoch,
      attempts: context.nudges + context.relaunches,
      platform: this.#parts.provider.platform,
      now: this.#parts.clock.now(),
    });
  }

  /** The next attempt starts from nothing; a hub that restarts in between must know that, too. */
  #discardGone(type: SessionMachineEvent["type"]): void {
    const { fault, sandboxName } = this.record;
    if (type === "operator.removed" || fault?.code !== "SandboxGone") return;
    const text = `${sandboxName} is gone: the next sandbox is a fresh one`;
    const change = discardSandbox(this.record);
    this.ledger.note("sandbox.discarded", text, { sandboxName, code: fault.code }, change);
  }

  #conflict(type: string): HubError {
    const { name, detail, state } = this.record;
    const verb = type.slice("operator.".length).replace(/ied$/, "yd").replace(/d$/, "");
    if (state === "suspended" && type === "operator.paused") {
      return new HubError("SessionSuspended", `session ${name} is suspended already`);
    }
    return new HubError("StateConflict", `cannot ${verb} session ${name}: it is ${detail}`);
  }

  #record(snapshot: SessionSnapshot): void {
    const detail = pathOf(snapshot.value);
    const { context } = snapshot;
    const key = `${detail} ${context.attempt} ${context.nudges} ${context.relaunches} ${context.rechecks}`;
    if (key === this.#entered || detail === "boot") return;
    this.#entered = key;
    const { attempt, deadlineAt, rung, fault } = context;
    const state = detail.split(".")[0] as SessionState;
    const kept = state === "error" ? fault : null;
    const change = { state, detail, attempt, deadlineAt, rung, fault: kept };
    if (
      detail === this.record.detail &&
      this.record.attempt === attempt &&
      this.record.deadlineAt === deadlineAt &&
      this.record.rung === rung
    ) {
      // A hub that restarts re-enters the same state: nothing new to tell.
      this.#onEntered(this);
      return;
    }
    const last = this.record.detail;
    if (detail === "connected.healthy" && !last.startsWith("connected")) {
      this.ledger.note(
        "session.connected",
        `connected: proven in epoch ${context.epoch ?? 0}`,
        { epoch: context.epoch },
        change,
      );
    } else if (detail === "suspended.paused") {
      this.ledger.note("session.suspended", "suspended", {}, change);
    } else if (state === "error" && fault !== null) {
      this.ledger.note("session.failed", `${fault.code}: ${fault.message}`, { ...fault }, change);
    } else if (detail === "ended.gone") {
      this.ledger.note("session.ended", "ended: nothing of it is left", {}, change);
    } else {
      // Why the last work failed: a pause that was refused leaves no other trace.
      const because = fault === null ? {} : { because: { code: fault.code, said: fault.message } };
      const data = { attempt, rung, deadlineAt, ...because };
      this.ledger.note("session.entered", detail, data, change);
    }
    this.#onEntered(this);
  }
}

const DESIRED = {
  "operator.paused": "suspended",
  "operator.resumed": "connected",
  "operator.retried": "connected",
  "operator.removed": "ended",
} as const;

/** `{ creating: "requesting" }` as `creating.requesting`. */
function pathOf(value: StateValue): string {
  if (typeof value === "string") return value;
  const [[key, inner] = ["", ""]] = Object.entries(value);
  return inner === undefined || inner === "" ? key : `${key}.${pathOf(inner)}`;
}

/** Why a session that is not connected cannot take a stream. */
export function whyNotRoutable(record: SessionRecord): HubError {
  if (record.state === "suspended") {
    return new HubError("SessionSuspended", `session ${record.name} is suspended`, {
      hint: `Wake it with \`holdfast resume ${record.name}\`.`,
    });
  }
  if (record.state === "ended") {
    return new HubError("SessionEnded", `session ${record.name} ended`);
  }
  const code: FaultCode = "SessionNotConnected";
  const why = record.fault === null ? "" : ` (${record.fault.code}: ${record.fault.message})`;
  return new HubError(code, `session ${record.name} is not connected: ${record.detail}${why}`, {
    hint: record.fault?.hint ?? faults[code].hint,
  });
}
