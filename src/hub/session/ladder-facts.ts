/** What the ladder's law is asked with: a session's context, board and record as LadderFacts. */
import type { FaultCode } from "../../base/faults.ts";
import { PROBE_WAIT_MS, type Evidence, type ProbeName } from "../../probes/probe.ts";
import { noCounts, type SessionRecord } from "../../store/facts.ts";
import {
  isDestructive,
  rungMs,
  type DriverStanding,
  type LadderFacts,
  type WayIn,
} from "./ladder-plan.ts";
import type { SessionPolicy } from "./policy.ts";
import type { SessionContext } from "./vocabulary.ts";
import { BROKEN_BY_SILENCE, BROKEN_BY_WORD, PLATFORM_SILENT } from "./way-in-faults.ts";
import type { WorkDeps } from "./work-desk.ts";

/** For the machine: what this attempt knows. */
export function ladderFacts(context: SessionContext): LadderFacts {
  const { policy, clock, board, flaps, ledger, control } = context.works.desk.deps;
  const now = clock.now();
  const { rungDeadlineAt } = context.counts;
  return {
    policy,
    counts: context.counts,
    driver: driverStanding(context, context.works.desk.deps),
    look: context.look,
    wayIn: isOld(context, now) ? "unseen" : context.wayIn,
    fault: context.fault?.code ?? null,
    claim: board.claim?.state ?? null,
    control: context.control,
    heldBack: control.whyNoRung(),
    flapping: flaps.flapping,
    held: context.held,
    holds: flaps.holds,
    quarantine: ledger.record.quarantine,
    silentMs: now - Math.max(board.driverAbsentSince ?? now, changedAt(context, policy)),
    rung: context.rung,
    rungLeftMs: rungDeadlineAt === null ? null : rungDeadlineAt - now,
    leftMs: (context.deadlineAt ?? now) - now,
  };
}

/** A control sandbox may take longer than what was seen before it stays true. */
function isOld({ wayInAt, works }: SessionContext, now: number): boolean {
  return wayInAt !== null && now - wayInAt > works.desk.deps.policy.assessMs;
}

/** For a dry run of what runs: the look that is still to come sees what the last one saw. */
export function foreseen(context: SessionContext): LadderFacts {
  const facts = ladderFacts(context);
  return facts.wayIn === "unseen" ? { ...facts, wayIn: facts.look } : facts;
}

/** When a rung last changed the sandbox, wall ms: what was silent before that was another one. */
function changedAt({ rung, counts }: SessionContext, policy: SessionPolicy): number {
  const { rungDeadlineAt } = counts;
  return isDestructive(rung) && rungDeadlineAt !== null ? rungDeadlineAt - rungMs(rung, policy) : 0;
}

/** For a dry run: a whole attempt from here, if all stays as it was last seen. */
export function freshFacts(deps: WorkDeps, context: SessionContext): LadderFacts {
  const { policy, clock, board, flaps, ledger, control } = deps;
  const { record } = ledger;
  return {
    policy,
    counts: noCounts,
    driver: driverStanding({ ...context, driverDead: false }, deps),
    // The first nudge looks, too, and sees what was seen last; without a driver it does not look.
    look: record.driverDir === null ? "unseen" : lastWayIn(board.evidence, record),
    wayIn: lastWayIn(board.evidence, record),
    fault: record.fault?.code ?? null,
    // A retry wakes what is stopped before it climbs anything.
    claim: board.claim?.state === "error" ? "error" : "started",
    control: null,
    heldBack: control.whyNoRung(),
    // Who asks for a try gets one, whatever came and went before.
    flapping: null,
    held: null,
    holds: flaps.holds,
    quarantine: record.quarantine,
    silentMs: clock.now() - (board.driverAbsentSince ?? clock.now()),
    rung: "none",
    rungLeftMs: null,
    leftMs: policy.healMs,
  };
}

/** The platform's way in by what its probes answered; any of them can make it broken. */
export function wayInOf(seen: readonly Evidence[]): WayIn {
  const failed = seen.filter(({ path, ok }) => path === "platform" && !ok);
  const has = (codes: readonly FaultCode[], some = failed): boolean =>
    some.some(({ code }) => code !== null && codes.includes(code));
  if (has(PLATFORM_SILENT.filter((code) => code !== "PlatformTimeout"))) return "silent";
  // What took its whole time did not say that it is broken.
  const answered = failed.filter(({ latencyMs }) => latencyMs < PROBE_WAIT_MS);
  if (has(BROKEN_BY_WORD, answered)) return "broken";
  if (has([...BROKEN_BY_SILENCE, ...BROKEN_BY_WORD])) return "stuck";
  return seen.some(({ path }) => path === "platform") ? "works" : "unseen";
}

function lastWayIn(evidence: readonly Evidence[], { fault }: SessionRecord): WayIn {
  if (fault !== null && PLATFORM_SILENT.includes(fault.code)) return "silent";
  return wayInOf(evidence);
}

function driverStanding(
  { epoch, driverDead }: Pick<SessionContext, "epoch" | "driverDead">,
  { board: { evidence, restLeftMs }, queue }: Pick<WorkDeps, "board" | "queue">,
): DriverStanding {
  if (epoch === null) {
    if (driverDead) return "dead";
    if (restLeftMs > 0) return "resting";
    return (queue?.leftMs ?? 0) > 0 ? "queued" : "absent";
  }
  const own = evidence.filter((item) => item.epoch === epoch && item.path !== "platform");
  if (own.some(({ code }) => code === "CloneSuspected")) return driverDead ? "dead" : "elsewhere";
  if (own.some(({ path, ok }) => path === "link" && !ok)) return "deaf";
  const inside = own.filter(({ path, probe }) => path === "driver" && !NO_WORD_OF.includes(probe));
  if (inside.some(({ ok, code }) => !ok && !isUnlooked(code))) return "hurt";
  return "answers";
}

/**
 * A terminal that does not open is a capability less, and no sandbox that is broken. What a command
 * of the platform's could not write, the driver was never asked for.
 */
const NO_WORD_OF: readonly ProbeName[] = ["terminal", "sandbox"];

/** A driver that says nothing has not looked. */
function isUnlooked(code: Evidence["code"]): boolean {
  return code === "DriverAbsent" || code === "DriverDeaf";
}
