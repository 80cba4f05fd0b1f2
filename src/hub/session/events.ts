/**
 * What the session machine receives: past-tense facts from the outside. Each carries the epoch or
 * the time that makes a late one recognisable.
 */
import type { LadderCounts, Rung, SessionFault, StartCounts } from "../../store/facts.ts";
import type { WayIn } from "./ladder-plan.ts";
import type { SessionWorks } from "./works.ts";

export type SessionMachineEvent =
  /** A driver of the session confirmed its epoch on a fresh link. */
  | { readonly type: "driver.attached"; readonly epoch: number; readonly at: number }
  | { readonly type: "driver.detached"; readonly epoch: number; readonly at: number }
  /** The link is open and nothing has come over it for too long. */
  | { readonly type: "driver.fellSilent"; readonly epoch: number; readonly at: number }
  | { readonly type: "operator.paused"; readonly at: number }
  | { readonly type: "operator.resumed"; readonly at: number }
  | { readonly type: "operator.retried"; readonly at: number }
  | { readonly type: "operator.removed"; readonly at: number };

/** How work that the machine asked for failed; nothing else leaves an actor of the machine. */
export class WorkFailure extends Error {
  override readonly name = "WorkFailure";
  readonly fault: SessionFault;
  /** The platform may have done it although the call failed. */
  readonly outcomeUnknown: boolean;

  constructor(fault: SessionFault, outcomeUnknown: boolean) {
    super(fault.message);
    this.fault = fault;
    this.outcomeUnknown = outcomeUnknown;
  }
}

/**
 * What a proof ended with. `fault` is null when driver, exec and filesystem all answered, over the
 * platform's path and the driver's.
 */
export interface Proof {
  readonly fault: SessionFault | null;
  /**
   * The same fault, when only the platform's way in is broken: the driver answered, and ran a
   * command and used a file by itself. Enough to keep a connected session, never to become one.
   */
  readonly degraded: SessionFault | null;
  readonly at: number;
}

/** What one look and one nudge found. */
export interface SignalResult {
  /** `idle`: the platform stopped it because nobody used it, and it is left to rest. */
  readonly outcome: "signalled" | "driver-dead" | "stopped" | "idle" | "gone" | "failed";
  readonly fault: SessionFault | null;
  /** The platform's way in, looked at while the nudge was under way. */
  readonly look: WayIn;
  readonly at: number;
}

/** What a look at both ways into a sandbox found, without a side effect. */
export interface Assessment {
  /** Never unseen: the ladder would look again at once, for ever. */
  readonly wayIn: Exclude<WayIn, "unseen">;
  /** A better name for what is wrong, where the look found one. */
  readonly fault: SessionFault | null;
  readonly at: number;
}

/** What the control sandbox said. `fault` is set when it is the platform that is broken. */
export interface ControlFound {
  readonly verdict: "platform-ok" | "platform-broken" | "unknown";
  readonly fault: SessionFault | null;
  readonly at: number;
}

export interface Launched {
  readonly at: number;
  /** Nothing was launched: what runs already is on its way. */
  readonly leftAlone?: true;
}

export interface SandboxFound {
  readonly sandboxId: string | null;
  readonly at: number;
}

/** Where a fresh machine starts after a hub restart, computed from facts. */
export type BootState =
  | "creating.requesting"
  | "resuming.watching"
  | "nudging.awaitingDriver"
  | "suspended.requesting"
  | "suspended.paused"
  | "error"
  | "ended.cleaning";

export interface SessionInput {
  readonly works: SessionWorks;
  readonly boot: BootState;
  readonly attempt: number;
  readonly attemptAt: number;
  readonly deadlineAt: number | null;
  readonly sandboxId: string | null;
  readonly rung: Rung;
  readonly starts: StartCounts;
  readonly counts: LadderCounts;
  readonly fault: SessionFault | null;
}
