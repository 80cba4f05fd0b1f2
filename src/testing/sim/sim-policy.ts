/** Shorter than in production, in the same proportions: four minutes hold many attempts. */
import { defaultPolicy, type SessionPolicy } from "../../hub/session/policy.ts";

export const simPolicy: SessionPolicy = {
  ...defaultPolicy,
  createMs: 30_000,
  buildMs: 60_000,
  resumeMs: 60_000,
  healMs: 60_000,
  nudgeMs: 6_000,
  relaunchMs: 10_000,
  assessMs: 6_000,
  controlMs: 10_000,
  silenceMs: 12_000,
  restartMs: 14_000,
  replaceMs: 25_000,
  holdMs: 6_000,
  pauseMs: 10_000,
  patrolMs: 8_000,
  confirmMs: 4_000,
  stallMs: 8_000,
  janitorMs: 5_000,
};
