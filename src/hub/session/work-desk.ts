/**
 * What the works of one session share: its parts, and the one way in which work fails. Each work
 * makes its intent durable before it calls the platform, records what it learned as claim,
 * evidence or step, and fails only with WorkFailure, which carries the whole fault.
 */
import type { Clock } from "../../base/clock.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { PatrolPace } from "../../probes/pace.ts";
import type { ProofQueue } from "../../probes/proof-queue.ts";
import type { LinkProber } from "../../probes/probe.ts";
import type { Claim, ClaimState, SandboxProvider } from "../../providers/provider.ts";
import type { EvidenceBoard } from "./board.ts";
import { WorkFailure } from "./events.ts";
import { faultFrom } from "./fault-from.ts";
import type { FlapWatch } from "./flap-watch.ts";
import type { FormerOwner } from "./former-owner.ts";
import type { SessionLedger } from "./ledger.ts";
import type { SessionPolicy } from "./policy.ts";
import type { Quiesced } from "./quiesced.ts";
import type { SessionContext } from "./vocabulary.ts";

/** What a driver needs to find and convince this hub. */
export interface DriverKit {
  bundle(): Promise<Uint8Array>;
  /** SHA-256 of the bundle, by which a sandbox knows it. */
  digest?(): Promise<string>;
  /**
   * Addresses to dial for a session of this name, best first. @throws HubError when there is none a
   * sandbox can reach.
   */
  urls(session: string): Promise<readonly string[]>;
  /** PEM of roots that it trusts beside the well-known ones; null for these alone. */
  ca?(): Promise<string | null>;
  /** Speaks for one session in one sandbox: a replaced one's driver is nobody's. */
  token(sessionId: string, sandboxName: string): string;
}

/** Why the hub ends a driver's link. */
export type LinkEnding = "suspended" | "removed" | "replaced" | "moved" | "outdated";

/** The session's links as the work sees them. */
export interface SessionLinks {
  prober(epoch: number): LinkProber | null;
  /** Brings the driver to rest before its memory is kept; null when there is none. */
  quiesce(waitMs: number): Promise<Quiesced> | null;
  /** Ends the driver's link, because its sandbox is being paused or removed. */
  drop(why: LinkEnding): void;
  /** What the wanted driver brings back, once. */
  ticket(): string;
}

/** What a fresh control sandbox says about the platform. */
export interface ControlAnswer {
  readonly verdict: "platform-ok" | "platform-broken" | "unknown";
  /** One sentence: what the control sandbox saw, or why none was asked. */
  readonly text: string;
  /** Wall ms at which it was seen; callers may share one answer. */
  readonly at: number;
  readonly tookMs: number;
}

/** Tells a broken sandbox from a broken platform, and paces what cannot be taken back. */
export interface ControlDesk {
  /** @throws only what `signal` aborts with: a platform that fails is an answer. */
  consult(signal: AbortSignal): Promise<ControlAnswer>;
  /** Why no session may climb above a nudge now, in one sentence; null when it may. */
  whyNoRung(): string | null;
  /** Runs a destructive rung of a session once it is its turn. */
  destructive<T>(sessionId: string, work: () => Promise<T>): Promise<T>;
}

/** Drivers that come back all at once wait at the hub's own door. */
export interface DriverQueue {
  /** For how long one that is missing may only be waiting there; 0 when none has to. */
  readonly leftMs: number;
  /** More stand at its doors than it takes in a turn. */
  readonly isCrowded: boolean;
  /** So many dial by themselves from now on, because the hub that they had is gone. */
  expects(drivers: number): void;
  /** The hub of one is gone, and with it those of many others, perhaps. */
  lost(): void;
}

export interface WorkDeps {
  readonly hubId: string;
  readonly provider: SandboxProvider;
  readonly ledger: SessionLedger;
  readonly board: EvidenceBoard;
  readonly links: SessionLinks;
  /** Another session has the sandbox of this id. */
  readonly isTaken: (sandboxId: string) => boolean;
  /** The store refused a fact of this session: nothing may be begun. */
  readonly isHalted: () => boolean;
  /** Unset for a session that was this hub's from the start. */
  readonly former?: FormerOwner;
  readonly driver: DriverKit;
  readonly control: ControlDesk;
  readonly flaps: FlapWatch;
  /** Unset where nobody has to wait. */
  readonly queue?: DriverQueue;
  /** Whether the hub itself was late to answer; unset where nobody looks. */
  readonly loop?: { readonly wasLate: boolean };
  /** Shared by all sessions of the hub, a row for each path. */
  readonly pace: { readonly platform: PatrolPace; readonly driver: PatrolPace };
  readonly proofs: ProofQueue;
  readonly policy: SessionPolicy;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** A sandbox in one of these runs nothing until it is started. */
export const RESTING: readonly ClaimState[] = ["stopped", "paused", "archived"];

/** Daytona holds a create or a start so long. Then it is looked up, where its progress shows. */
const PLATFORM_HOLD_MS = 30_000;
/** A platform call made in the last moment of an attempt still gets this long. */
const CALL_MS_MIN = 1_000;

export class WorkDesk {
  readonly deps: WorkDeps;
  /** The newest create or start that was asked for, for the clock of its progress. */
  asked: { readonly sandboxName: string; readonly atMono: number } | null = null;

  constructor(deps: WorkDeps) {
    this.deps = deps;
  }

  sandboxId(): string {
    const { sandboxId } = this.deps.ledger.record;
    if (sandboxId === null) throw new HubError("SandboxGone", "the session has no sandbox");
    return sandboxId;
  }

  /** What is left of the attempt; the deadline itself never moves. */
  leftMs(context: SessionContext): number {
    return Math.max(CALL_MS_MIN, (context.deadlineAt ?? 0) - this.deps.clock.now());
  }

  /** How long a create or a start is waited for by its call alone. */
  holdMs(context: SessionContext): number {
    return Math.min(this.leftMs(context), this.deps.policy.stallMs, PLATFORM_HOLD_MS);
  }

  /** A sandbox that ran and rests was stopped by somebody: our own stops are known before. */
  noteClaim(claim: Claim): void {
    const { board, flaps } = this.deps;
    if (board.claim?.state === "started" && RESTING.includes(claim.state)) flaps.stopped();
    board.claimed(claim);
  }

  /** Where and with which evidence a fault happened. */
  place(context: SessionContext): Parameters<typeof faultFrom>[1] {
    const { board, clock, ledger } = this.deps;
    const phase = ledger.record.detail;
    return { phase, rung: context.rung, at: clock.now(), evidence: board.items() };
  }

  /** Whatever goes wrong in `work` leaves as a WorkFailure with the whole fault. */
  async run<T>(context: SessionContext, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof WorkFailure) throw error;
      const fault = toHubError(error);
      const { board, ledger, log } = this.deps;
      board.stepped(ledger.record.detail, false, fault.message);
      // What was called off, because the state was left or the hub ends, is no defect.
      const isOff = error instanceof Error && error.name === "AbortError";
      if (fault.code === "Internal" && !isOff) {
        log.error({ err: fault, session: ledger.record.id }, "defect");
      }
      const unknown = fault.outcomeUnknown || fault.code === "StateConflict";
      throw new WorkFailure(faultFrom(fault, this.place(context)), unknown);
    }
  }
}
