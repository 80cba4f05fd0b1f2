/**
 * Where the voices contradict each other: what the platform claims against what was seen, and the
 * platform's way in against the driver's. Pure; one sentence, with the age of each fact.
 */
import type { Claim } from "../providers/provider.ts";
import type { Evidence } from "./probe.ts";
import { slotName } from "./verdict.ts";

/** What is needed to see that platform and evidence do not agree. */
export interface DisagreementInput {
  readonly claim: Claim | null;
  /** Wall ms since when the claims say the same; null when there is none. */
  readonly claimSince: number | null;
  readonly driverAttached: boolean;
  /** Wall ms since when no driver is attached; null when one is. */
  readonly driverAbsentSince: number | null;
  readonly evidence: readonly Evidence[];
  readonly epoch: number;
  readonly now: number;
}

/** One sentence, or null when nobody contradicts anybody. */
export function disagreement(input: DisagreementInput): string | null {
  const { claim, now } = input;
  if (claim?.state !== "started") return claim === null ? null : outlived(claim, input);
  if (!input.driverAttached) {
    const since = input.driverAbsentSince;
    const absent = since === null ? "" : ` for ${age(now - since)}`;
    const seen = input.evidence
      .filter(({ path, ok, at }) => path === "platform" && !ok && since !== null && at >= since)
      .map((item) => `, ${slotName(item)} failed ${age(now - item.at)} ago`)
      .join("");
    return `${claimed(claim, now)}, but no driver is connected${absent}${seen}: not trusted yet`;
  }
  const broken = input.evidence.filter((item) => !item.ok && item.epoch === input.epoch);
  // Nearly all that are asked at each scrape end here.
  if (broken.length === 0) return null;
  const current = input.evidence.filter((item) => item.epoch === input.epoch);
  const seen = broken.map((item) => `${slotName(item)} failed ${age(now - item.at)} ago`);
  const healed = broken
    .map(({ probe, path }) => current.find((item) => item.probe === probe && item.path !== path))
    .filter((item) => item?.ok === true)
    .map((item) => otherPath(item as Evidence, now));
  const other = healed.length === 0 ? "" : `, although ${healed.join(" and ")}`;
  return `${claimed(claim, now)}, but ${seen.join(" and ")}${other}`;
}

/** The platform denies that it runs, and something of it answers. */
function outlived(claim: Claim, input: DisagreementInput): string | null {
  if (!input.driverAttached) return null;
  const { evidence, epoch, now, claimSince } = input;
  const answered = evidence.find(
    (item) => item.probe === "driver" && item.epoch === epoch && item.ok,
  );
  // What answered before it was first claimed does not contradict it.
  if (answered === undefined || claimSince === null || answered.at < claimSince) return null;
  return `${claimed(claim, now)}, but its driver answered ${age(now - answered.at)} ago`;
}

function claimed({ platformState, at }: Claim, now: number): string {
  return `the platform says ${platformState} (${age(now - at)} ago)`;
}

function otherPath(item: Evidence, now: number): string {
  const by = item.path === "driver" ? "the driver's own" : "the platform's";
  return `${by} ${item.probe} worked ${age(now - item.at)} ago`;
}

export function age(ms: number): string {
  return ms < 10_000 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}
