/** What climbing to a rung changes in an attempt: its count, the rung, the rung's own deadline. */
import { noStarts, type LadderCounts } from "../../store/facts.ts";
import { isDestructive, isHigher, rungMs, type LadderRung } from "./ladder-plan.ts";
import type { SessionPolicy } from "./policy.ts";
import type { SessionContext } from "./vocabulary.ts";

/** Nothing is known of the ways in, and nobody was asked: after each change of the sandbox. */
export const UNSEEN = {
  look: "unseen",
  wayIn: "unseen",
  wayInAt: null,
  control: null,
  driverDead: false,
} as const;

const COUNTED: Readonly<Record<LadderRung, keyof Omit<LadderCounts, "rungDeadlineAt">>> = {
  recheck: "rechecks",
  nudge: "nudges",
  relaunch: "relaunches",
  restart: "restarts",
  replace: "replaces",
};

export function climbed(
  context: SessionContext,
  rung: LadderRung,
  now: number,
  policy: SessionPolicy,
): Partial<SessionContext> {
  const key = COUNTED[rung];
  const counted = { ...context.counts, [key]: context.counts[key] + 1 };
  const isNew = isHigher(rung, context.rung);
  const timed = isNew && rung !== "recheck";
  const rungDeadlineAt = timed ? now + rungMs(rung, policy) : counted.rungDeadlineAt;
  const climbing = { rung: isNew ? rung : context.rung };
  if (!isDestructive(rung)) return { ...climbing, counts: { ...counted, rungDeadlineAt } };
  // Another box, or the same one afresh: what was tried and seen before says nothing about it.
  const fresh = { rechecks: 0, relaunches: 0, wakes: 0, tries: 1, rungDeadlineAt };
  return { ...climbing, ...UNSEEN, counts: { ...counted, ...fresh }, starts: noStarts };
}

/** The launch that was not done takes nothing from its budget and its time. */
export function notClimbed({ counts }: SessionContext): Partial<SessionContext> {
  const relaunches = counts.relaunches - 1;
  return { rung: "nudge", counts: { ...counts, relaunches, rungDeadlineAt: null } };
}
