/**
 * One session at work: its actor, its ledger, its board and the link of its driver. Turns every
 * state the machine enters into a fact, and is the only door through which events reach it.
 */
import { createActor, type Actor } from "xstate";
import { HubError } from "../../base/hub-error.ts";
import type { FaultCode } from "../../base/faults.ts";
import type { LinkProber } from "../../probes/probe.ts";
import { discardSandbox, isWorking } from "../../store/facts.ts";
import { isLoss, whereKept } from "../../store/refusal.ts";
import type { Fact, SessionRecord, SessionState } from "../../store/facts.ts";
import type { SessionActivity } from "../activity/session-activity.ts";
import { boundMachine } from "./bind.ts";
import type { Halt } from "./board.ts";
import { isSame, pathOf, tellState } from "./entered.ts";
import type { SessionMachineEvent } from "./events.ts";
import { toldFault } from "./fault-from.ts";
import { contradiction, healthOf, type SessionHealth } from "./health.ts";
import { foreseen, freshFacts } from "./ladder-facts.ts";
import { planLadder, planWithoutSandbox, type RungPlan } from "./ladder-plan.ts";
import type { SessionLedger } from "./ledger.ts";
import type { SessionMachine, SessionSnapshot } from "./machine.ts";
import { recover } from "./recover.ts";
import { whyNotRoutable } from "./not-routable.ts";
import { operatorWishes, whyNotNow, type OperatorAct } from "./operator-wish.ts";
import { isAtRest, outcomeAtRest, outcomeSuperseded } from "./outcome.ts";
import type { AttemptOutcome } from "./outcome.ts";
import type { DriverTicket } from "./ticket.ts";
import type { Quiesced } from "./quiesced.ts";
import { createWorkings, type WorkingParts, type Workings } from "./workings.ts";
import type { LinkEnding } from "./work-desk.ts";

/** The driver's link as the session holds it; the switchboard implements it. */
export interface DriverLink extends LinkProber {
  readonly epoch: number;
  /** The hub ends it, or asked it to rest: its end is no news. Any other is a missing driver. */
  readonly expected: boolean;
  /** Asks the driver to come to rest, with which the link ends. Never rejects. */
  quiesce(waitMs: number): Promise<Quiesced>;
  /** Polite or hard, as the reason needs; a paused sandbox answers no close frame. */
  end(why: LinkEnding): void;
}

export type SessionParts = Omit<WorkingParts, "pace" | "proofs">;

export interface SessionOptions {
  readonly parts: WorkingParts;
  readonly ledger: SessionLedger;
  readonly isTaken: (sandboxId: string) => boolean;
  /** After each state change, once it is a fact. */
  readonly onEntered: (session: Session) => void;
  /** A fact of it could not be kept: it stands still until it is revived. */
  readonly onHalted: (session: Session) => void;
}

export class Session {
  readonly ledger: SessionLedger;
  readonly #options: SessionOptions;
  readonly #bornAt: number;
  /** Null until somebody asks for it. */
  #made: Workings | null = null;
  /** Null while it sleeps: paused, and nothing happened since. */
  #actor: Actor<SessionMachine> | null = null;
  /** Set while the store refuses a fact of it: it does nothing until that is over. */
  #halted: Halt | null = null;
  #link: DriverLink | null = null;
  #entered = "";
  /** The hub goes down, or the session is another hub's: nothing of it begins here any more. */
  #isOver = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.ledger = options.ledger;
    this.#bornAt = options.parts.clock.now();
    this.ledger.onRefused = (error) => this.#halt(error);
  }

  get #parts(): WorkingParts {
    return this.#options.parts;
  }

  get #workings(): Workings {
    return (this.#made ??= this.#makeWorkings());
  }

  #makeWorkings(): Workings {
    const { parts, ledger, isTaken } = this.#options;
    return createWorkings({
      parts,
      own: { ledger, isTaken, isHalted: () => this.#halted !== null },
      links: {
        prober: (epoch) => (this.#link?.epoch === epoch ? this.#link : null),
        quiesce: (waitMs) => this.#link?.quiesce(waitMs) ?? null,
        drop: (why) => this.#link?.end(why),
      },
      absentSince: this.#bornAt,
    });
  }

  get activity(): SessionActivity {
    return this.#workings.activity;
  }

  get ticket(): DriverTicket {
    return this.#workings.ticket;
  }

  #createActor(): Actor<SessionMachine> {
    const { policy, clock, log } = this.#parts;
    const actor = createActor(boundMachine, {
      input: { works: this.#workings.works, ...recover(this.record, policy, clock.now()) },
      clock: {
        setTimeout: (fn, ms) => clock.setTimeout(fn, ms),
        clearTimeout: (id) => clock.clearTimeout(id),
      },
    });
    actor.subscribe({
      next: (snapshot) => {
        // What was refused has stopped this actor: it is nobody's to tell any more.
        if (actor === this.#actor) whereKept(() => this.#record(snapshot));
      },
      error: (error) => log.error({ err: error, session: this.record.id }, "actor failed"),
    });
    return actor;
  }

  start(): void {
    const { record } = this;
    // The hub may have died between a session's rest and the word that its attempt ended.
    const end = (): void =>
      this.#workings.outcomes.tell(outcomeAtRest(record, record, this.#parts.clock.now()));
    const isUntold = isAtRest(record) && record.attemptEnded < record.attempt;
    if (isUntold && !whereKept(end)) return;
    // What is paused waits for somebody, and needs no actor to do so.
    if (record.detail !== "suspended.paused") this.#wake();
  }

  #wake(): Actor<SessionMachine> {
    if (this.#actor !== null) return this.#actor;
    const actor = this.#createActor();
    this.#actor = actor;
    return this.#isOver ? actor : actor.start();
  }

  /** Of one that sleeps it is what it would wake up with. */
  get #snapshot(): SessionSnapshot {
    return (this.#actor ?? this.#createActor()).getSnapshot();
  }

  /** Since when and why it stands still; null while it does not. */
  get halted(): Halt | null {
    return this.#halted;
  }

  /** No act without its fact: all work ends, and what is open between client and driver goes on. */
  #halt(error: HubError): void {
    if (this.#halted !== null && (this.#halted.isLost || !isLoss(error))) return;
    const at = this.#parts.clock.now();
    this.#halted = { text: error.message, at, isLost: isLoss(error) };
    this.#actor?.stop();
    this.#options.onHalted(this);
  }

  /**
   * Goes on from its facts, as after a restart of the hub, but with the links that are there.
   * @returns false when the store still refuses.
   */
  revive(): boolean {
    const halted = this.#halted;
    if (halted === null) return true;
    const text = `it stood still, because ${halted.text}`;
    if (!this.ledger.tryNote("store.refused", text, { since: halted.at })) return false;
    this.#halted = null;
    this.#entered = "";
    this.#actor = null;
    this.start();
    const at = this.#parts.clock.now();
    if (this.#link !== null) this.#send({ type: "driver.attached", epoch: this.#link.epoch, at });
    // Who asked for its end was told that it is not done, and wants it all the same.
    const { desired, state } = this.record;
    if (desired === "ended" && state !== "ended") this.#send({ type: "operator.removed", at });
    return this.#halted === null;
  }

  #send(event: SessionMachineEvent): void {
    if (this.#halted === null) this.#wake().send(event);
  }

  /** Ends the actor without changing any fact: the hub is going down, the session is not. */
  stop(): void {
    // The link ends after the store has closed; its end is then nobody's fact.
    this.#link = null;
    this.#isOver = true;
    this.#actor?.stop();
  }

  get record(): SessionRecord {
    return this.ledger.record;
  }

  /** The driver's link, proven or not. */
  get link(): DriverLink | null {
    return this.#link;
  }

  /** What admins should know of this session, beside the verdict. */
  warn(kind: Fact["kind"], code: FaultCode, text: string): void {
    this.#workings.board.warned(code, text);
    this.ledger.tryNote(kind, text, { code });
  }

  /** The driver's link, when the session is proven; streams go nowhere else. */
  get route(): DriverLink | null {
    return this.#actor?.getSnapshot().hasTag("routable") === true ? this.#link : null;
  }

  /** A driver confirmed its epoch. The link it replaces ends. `says` is its own word on itself. */
  attach(link: DriverLink, says = "attached"): void {
    const before = this.#link;
    this.#link = link;
    this.#workings.board.driverAttached(says);
    if (before !== null) this.activity.driverLeft();
    before?.end("replaced");
    this.#send({ type: "driver.attached", epoch: link.epoch, at: this.#parts.clock.now() });
  }

  detach(link: DriverLink, reason: string): void {
    if (this.#link !== link) return;
    this.#link = null;
    this.#workings.board.driverDetached();
    this.activity.driverLeft();
    const { epoch } = link;
    const code = link.expected ? {} : { code: "DriverAbsent" satisfies FaultCode };
    this.ledger.tryNote("driver.detached", `driver link lost: ${reason}`, { epoch, ...code });
    this.#send({ type: "driver.detached", epoch: link.epoch, at: this.#parts.clock.now() });
  }

  fellSilent(link: DriverLink): void {
    if (this.#link !== link) return;
    this.#send({ type: "driver.fellSilent", epoch: link.epoch, at: this.#parts.clock.now() });
  }

  /**
   * Proves a connected session again, now; one that is at work does so by itself.
   * @throws HubError when it rests and there is nothing to prove.
   */
  prove(): void {
    const { state } = this.record;
    if (state === "suspended" || state === "error" || state === "ended") {
      throw whyNotRoutable(this.record);
    }
    if (this.#link !== null) this.fellSilent(this.#link);
  }

  /**
   * Somebody has reason to think that all is not well: a connected session proves itself at once,
   * any other keeps the sentence for its next attempt. Nothing is concluded from it.
   */
  doubt(text: string, code: FaultCode): void {
    this.warn("platform.claimed", code, text);
    const link = this.#link;
    if (link !== null) this.fellSilent(link);
  }

  /** The platform's listing has its sandbox. */
  listed(): void {
    this.#made?.board.listed();
  }

  /**
   * What an operator asked for.
   * @throws HubError when the session is in no state for it.
   */
  operate(type: OperatorAct, because = "by request"): void {
    const event: SessionMachineEvent = { type, at: this.#parts.clock.now() };
    const { state } = this.record;
    if (state === "ended") throw new HubError("SessionEnded", `session ${this.record.name} ended`);
    this.#throwHalted();
    if (operatorWishes[type].desired === "connected" && isWorking(state)) {
      // What runs is what was asked for; it is not begun again, and its deadline is not moved.
      this.#want(type, because);
      return;
    }
    if (!this.#snapshot.can(event)) throw whyNotNow(type, this.record);
    this.#want(type, because);
    this.#discardGone(type);
    const { board, desk } = this.#workings;
    desk.deps.flaps.asked();
    if (type !== "operator.removed") board.startAttempt();
    this.#send(event);
    this.#throwHalted();
  }

  #throwHalted(): void {
    if (this.#halted !== null) throw new HubError("StoreRefuses", this.#halted.text);
  }

  #want(type: OperatorAct, because: string): void {
    const { desired, done } = operatorWishes[type];
    const change = { desired, refusal: null };
    this.ledger.note("intent.changed", `${done} ${because}`, { desired }, change);
  }

  /** How an attempt ended; null while it runs, and once many others have followed it. */
  outcome(attempt: number): AttemptOutcome | null {
    return this.#made?.outcomes.of(attempt) ?? null;
  }

  /**
   * What the ladder would do now, rung by rung: for the running attempt, or for one that a retry
   * would begin if all is as it was last seen. Changes nothing and asks nobody.
   */
  plan(): readonly RungPlan[] {
    const { context } = this.#snapshot;
    const running = isWorking(this.record.state);
    if (running) return planLadder(foreseen(context));
    const facts = freshFacts(this.#workings.desk.deps, context);
    return this.record.sandboxId === null ? planWithoutSandbox(facts) : planLadder(facts);
  }

  /** Claim and evidence contradict each other; asked of all sessions at each scrape. */
  get disagrees(): boolean {
    // What sleeps was not looked at.
    if (this.#actor === null) return false;
    return contradiction(this.record, this.#seen(this.#actor.getSnapshot())) !== null;
  }

  /** What is known now, as the judges take it. */
  #seen({ context }: SessionSnapshot) {
    const { claim, claimSince, evidence, driverAbsentSince } = this.#workings.board;
    return {
      ...{ claim, claimSince, evidence, driverAbsentSince },
      driverAttached: this.#link !== null,
      epoch: context.epoch ?? this.record.epoch,
      now: this.#parts.clock.now(),
    };
  }

  health(): SessionHealth {
    const snapshot = this.#snapshot;
    const { board, activity } = this.#workings;
    return healthOf({
      ...this.#seen(snapshot),
      record: this.record,
      ...board.sayings,
      halted: this.#halted,
      counts: snapshot.context.counts,
      platform: this.#parts.provider.platform,
      activity: activity.view(this.record, this.#parts.policy.autoStopMs, board.evidence),
    });
  }

  /** The next attempt starts from nothing; a hub that restarts in between must know that, too. */
  #discardGone(type: OperatorAct): void {
    const { fault, sandboxName } = this.record;
    if (type === "operator.removed" || fault?.code !== "SandboxGone") return;
    const text = `${sandboxName} is gone: the next sandbox is a fresh one`;
    const change = discardSandbox(this.record);
    this.ledger.note("sandbox.discarded", text, { sandboxName, code: fault.code }, change);
  }

  #record(snapshot: SessionSnapshot): void {
    const detail = pathOf(snapshot.value);
    const { context } = snapshot;
    const key = `${detail} ${context.attempt} ${Object.values(context.counts).join(" ")}`;
    if (key === this.#entered || detail === "boot") return;
    this.#entered = key;
    const before = this.record;
    const { attempt, attemptAt, deadlineAt, rung, fault, starts } = context;
    const now = this.#parts.clock.now();
    if (attempt !== before.attempt) {
      // Who was told no has no wish left that the session should work towards.
      const { refusal } = context;
      const told = refusal === null ? {} : ({ desired: "connected", refusal } as const);
      this.#workings.outcomes.tell(outcomeSuperseded(before, refusal, now), told);
    }
    const state = detail.split(".")[0] as SessionState;
    const kept = state === "error" && fault !== null ? toldFault(fault) : null;
    const used = { ladder: context.counts, starts, rung };
    const change = { state, detail, attempt, attemptAt, deadlineAt, ...used, fault: kept };
    // A hub that restarts re-enters the same state: nothing new to tell.
    if (!isSame(before, change)) tellState(this.ledger, context, change);
    if (isAtRest(this.record))
      this.#workings.outcomes.tell(outcomeAtRest(before, this.record, now));
    this.#options.onEntered(this);
  }
}
