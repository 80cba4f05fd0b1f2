/**
 * /v1/platform and /v1/tickets: what is known of the platform, and one-time tickets. Answers from
 * memory, with the age of what it says: a platform that hangs does not hang who asks about it.
 */
import type { FastifyInstance } from "fastify";
import type { Clock } from "../../../base/clock.ts";
import type { BreakerFacts } from "../../platform-watch/breaker.ts";
import type { PlatformWatch } from "../../platform-watch/platform-watch.ts";
import type { RateFacts } from "../../platform-watch/rate-budget.ts";
import type { HttpOptions } from "../http.ts";

export function addPlatformRoutes(app: FastifyInstance, options: HttpOptions): void {
  const { watch, access, clock, sessions, drills } = options;
  app.get("/v1/platform", () => ({
    ...platformView(watch, clock),
    cost: sessions.cost.view(),
    drills: drills.on,
  }));
  app.post("/v1/tickets", () => {
    const { ticket, expiresAt } = access.issueTicket();
    return { ticket, expiresAt: iso(expiresAt) };
  });
}

function platformView(watch: PlatformWatch, clock: Clock) {
  const { facts, breaker, rate, toolboxRate, lastErrors, ...counts } = watch.report();
  return {
    platform: watch.provider.platform,
    apiUrl: facts?.apiUrl ?? null,
    reachable: facts?.reachable ?? null,
    auth: facts?.auth ?? "unknown",
    tier: facts?.tier ?? null,
    root: facts?.root ?? null,
    pause: facts?.pause ?? null,
    door: facts?.door?.mountedAt ?? null,
    detail: facts === null ? "not looked at yet" : facts.detail,
    checkedAt: facts === null ? null : iso(facts.checkedAt),
    ageMs: facts === null ? null : Math.max(0, clock.now() - facts.checkedAt),
    breaker: breakerView(breaker),
    rate: { ...rateView(rate), toolbox: rateView(toolboxRate) },
    lastErrors: lastErrors.map(({ at, ...error }) => ({ at: iso(at), ...error })),
    ...counts,
  };
}

function breakerView({ since, nextLookAt, ...rest }: BreakerFacts) {
  return { ...rest, since: isoOrNull(since), nextLookAt: isoOrNull(nextLookAt) };
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

function iso(at: number): string {
  return new Date(at).toISOString();
}

function isoOrNull(at: number | null): string | null {
  return at === null ? null : iso(at);
}
