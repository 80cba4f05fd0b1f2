/**
 * What the hub knows of its platform, as JSON. Comes from memory with the age of what it says: a
 * platform that hangs does not hang who asks about it.
 */
import type { Stray } from "../janitor.ts";
import { LABELS } from "../labels.ts";
import type { AlikeFacts } from "../platform-watch/alike-watch.ts";
import type { BreakerFacts } from "../platform-watch/breaker.ts";
import type { ControlFacts } from "../platform-watch/control-desk.ts";
import type { PlatformWatchReport } from "../platform-watch/platform-watch.ts";
import type { RateFacts } from "../platform-watch/rate-budget.ts";

export function platformView(platform: string, report: PlatformWatchReport, now: number) {
  const { facts, breaker, alike, control, rate, toolboxRate, lastErrors, ...counts } = report;
  return {
    platform,
    apiUrl: facts?.apiUrl ?? null,
    reachable: facts?.reachable ?? null,
    auth: facts?.auth ?? "unknown",
    tier: facts?.tier ?? null,
    root: facts?.root ?? null,
    pause: facts?.pause ?? null,
    door: facts?.door?.mountedAt ?? null,
    detail: facts === null ? "not looked at yet" : facts.detail,
    checkedAt: facts === null ? null : iso(facts.checkedAt),
    ageMs: facts === null ? null : Math.max(0, now - facts.checkedAt),
    breaker: breakerView(breaker),
    alike: alikeView(alike),
    control: controlView(control, now),
    rate: { ...rateView(rate), toolbox: rateView(toolboxRate) },
    lastErrors: lastErrors.map(({ at, ...error }) => ({ at: iso(at), ...error })),
    ...counts,
  };
}

export function strayView({ listed, why }: Stray) {
  const { sandboxId, name, labels, state, createdAt } = listed;
  const session = labels[LABELS.name] ?? labels[LABELS.session] ?? null;
  return { sandboxId, name, session, state, createdAt: isoOrNull(createdAt), why };
}

/** The last control sandbox, and how far the one is that is under way. */
export function controlView({ last, running, ...counts }: ControlFacts, now: number) {
  return {
    verdict: last?.verdict ?? null,
    text: last?.text ?? "no control sandbox was made yet",
    at: last === null ? null : iso(last.at),
    ageMs: last === null ? null : Math.max(0, now - last.at),
    tookMs: last?.tookMs ?? null,
    failed: last?.failed ?? null,
    steps: last?.steps ?? [],
    deleted: last?.deleted ?? null,
    running: running === null ? null : { startedAt: iso(running.startedAt), steps: running.steps },
    ...counts,
  };
}

function breakerView({ since, nextLookAt, ...rest }: BreakerFacts) {
  return { ...rest, since: isoOrNull(since), nextLookAt: isoOrNull(nextLookAt) };
}

function alikeView({ since, ...rest }: AlikeFacts) {
  return { ...rest, since: isoOrNull(since) };
}

function rateView({ last429, heldUntil, ...rest }: RateFacts) {
  return {
    ...rest,
    last429: last429 === null ? null : { ...last429, at: iso(last429.at) },
    heldUntil: Object.fromEntries(
      Object.entries(heldUntil).map(([scope, at]) => [scope || "all", iso(at)]),
    ),
  };
}

export function iso(at: number): string {
  return new Date(at).toISOString();
}

function isoOrNull(at: number | null): string | null {
  return at === null ? null : iso(at);
}
