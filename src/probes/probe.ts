/**
 * What a probe is: one look at one capability of one sandbox, under its own deadline, that always
 * answers with evidence. A probe never throws and never waits for longer than it was given; "not
 * answered yet" is evidence of broken, not of pending.
 *
 * A capability may be looked at over two paths: through the platform's API, as a fresh command
 * would go, and from inside by the driver, as the user's own terminals go.
 */
import type { Clock } from "../base/clock.ts";
import type { FaultCode } from "../base/faults.ts";

export type ProbeName = "driver" | "exec" | "filesystem" | "sandbox" | "terminal" | "egress";

/** Which way the probe went: the platform's API, the driver inside, or the driver's link itself. */
export type ProbePath = "platform" | "driver" | "link";

export interface Evidence {
  readonly probe: ProbeName;
  readonly path: ProbePath;
  readonly ok: boolean;
  /** Wall ms at which the answer, or its absence, was known. */
  readonly at: number;
  readonly latencyMs: number;
  /** Driver epoch in which it was seen; evidence of an older epoch proves nothing. */
  readonly epoch: number;
  /** Why not, when it is not ok. */
  readonly code: FaultCode | null;
  /** One sentence for people. */
  readonly detail: string;
  /** How late the driver's event loop was, where it said so. */
  readonly loopLagMs?: number;
}

/** What the driver found when it looked from inside. */
export interface InsideFinding {
  readonly ok: boolean;
  readonly latencyMs: number;
  readonly detail: string;
  /** System error code, or a word of the driver: TIMEOUT, STUCK, MISMATCH. */
  readonly code: string | null;
}

export interface InsideAnswer {
  readonly exec: InsideFinding;
  readonly filesystem: InsideFinding;
}

/** How the hub asks the driver on its link; the switchboard implements it. */
export interface LinkProber {
  /** Sends a nonce and resolves with what came back. Rejects when nothing does in `waitMs`. */
  challenge(waitMs: number): Promise<{ readonly loopLagMs: number }>;
  /** Asks the driver to run a command and to use a file. An abort ends it inside, too. */
  inside(nonce: string, signal: AbortSignal): Promise<InsideAnswer>;
  /** What stands in these files inside; null when the driver is of a version that cannot tell. */
  mark(files: readonly string[], signal: AbortSignal): Promise<readonly (string | null)[] | null>;
  /** Opens a terminal that must show the nonce; resolves with the kind of its pty. */
  terminal(nonce: string, signal: AbortSignal): Promise<string>;
}

/** When a probe had its answer, and how long that took from this call on. */
export function timingFrom(clock: Clock): () => Pick<Evidence, "at" | "latencyMs"> {
  const started = clock.mono();
  return () => ({ at: clock.now(), latencyMs: Math.round(clock.mono() - started) });
}

/** One probe may take this long, so that what hangs has its reason within the 5 s of a person. */
export const PROBE_WAIT_MS = 4_500;
/** A driver answers its nonce from memory. */
export const LINK_PROBE_WAIT_MS = 2_000;
