/**
 * From facts to a fresh machine after a hub restart. Pure. Nothing is restored from a snapshot:
 * the machine enters a state that looks before it acts, with what is left of the old deadline.
 */
import { noCounts, noStarts, type LadderCounts, type SessionRecord } from "../../store/facts.ts";
import type { BootState, SessionInput } from "./events.ts";
import type { SessionPolicy } from "./policy.ts";
import { startMs } from "./start-law.ts";

export function recover(
  record: SessionRecord,
  policy: SessionPolicy,
  now: number,
): Omit<SessionInput, "works"> {
  // Its proof died with the old hub: proving it again is an attempt of its own.
  const begins = record.state === "connected";
  return {
    boot: bootState(record),
    attempt: begins ? record.attempt + 1 : record.attempt,
    attemptAt: begins ? now : record.attemptAt,
    deadlineAt: deadlineAfterRestart(record, policy, now),
    sandboxId: record.sandboxId,
    rung: record.rung,
    counts: begins ? noCounts : countsAfterRestart(record),
    starts: begins ? noStarts : record.starts,
    fault: record.fault,
  };
}

/**
 * What was used stays used. The time of a lower rung is not held against a driver that could not
 * reach a hub which was not there; that of a rung that ends things is, and so is the attempt's.
 */
function countsAfterRestart({ ladder, rung }: SessionRecord): LadderCounts {
  const ends = rung === "restart" || rung === "replace";
  return ends ? ladder : { ...ladder, rungDeadlineAt: null };
}

function bootState(record: SessionRecord): BootState {
  switch (record.state) {
    case "creating":
      // Requesting looks for the sandbox by name first, so an accepted create is adopted.
      return record.sandboxId === null || record.driverDir === null
        ? "creating.requesting"
        : "nudging.awaitingDriver";
    case "resuming":
      return "resuming.watching";
    case "nudging":
    case "connected":
      // The link died with the old hub; the driver re-dials by itself, or is nudged.
      return "nudging.awaitingDriver";
    case "suspended":
      return record.detail === "suspended.paused" ? "suspended.paused" : "suspended.requesting";
    case "error":
      return "error";
    case "ended":
      return "ended.cleaning";
  }
}

/**
 * A running attempt keeps its deadline; a connected session starts a healing attempt now. It is a
 * wall time: where the clock was set back meanwhile, no attempt gets more than a whole one.
 */
function deadlineAfterRestart(
  record: SessionRecord,
  policy: SessionPolicy,
  now: number,
): number | null {
  if (record.state === "connected") return now + policy.healMs;
  if (record.deadlineAt === null) return null;
  return Math.min(record.deadlineAt, now + wholeMs(record, policy));
}

function wholeMs({ state, spec }: SessionRecord, policy: SessionPolicy): number {
  if (state === "creating") return Math.max(startMs(spec, policy), policy.healMs);
  if (state === "suspended") return policy.pauseMs;
  return Math.max(policy.resumeMs, policy.healMs);
}
