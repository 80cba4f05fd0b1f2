/**
 * What a probe is: one look at one capability of one sandbox, under its own deadline, that always
 * answers with evidence. A probe never throws and never waits for longer than it was given; "not
 * answered yet" is evidence of broken, not of pending.
 */
import type { FaultCode } from "../base/faults.ts";

export type ProbeName = "driver" | "exec" | "filesystem";

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
}

/** How the hub asks the driver on its link; the switchboard implements it. */
export interface LinkProber {
  /** Sends a nonce and resolves with what came back. Rejects when nothing does in `waitMs`. */
  challenge(waitMs: number): Promise<{ readonly loopLagMs: number }>;
}

/** One probe may take this long: five seconds is what a person forgives, and no queue is faster. */
export const PROBE_WAIT_MS = 5_000;
/** A driver answers its nonce from memory. */
export const LINK_PROBE_WAIT_MS = 2_000;
