/** Who hears of every fact of this hub, and of what else its numbers tell. */
import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Company } from "./cluster/company.ts";
import { logFact } from "./fact-log.ts";
import { HubMetrics } from "./metrics/metrics.ts";
import type { Webhook } from "./notify/webhook.ts";
import type { PlatformWatch } from "./platform-watch/platform-watch.ts";
import type { Access } from "./server/access.ts";
import type { Sessions } from "./sessions.ts";
import type { Switchboard } from "./switchboard/attach.ts";
import type { SessionTraces } from "./telemetry/session-traces.ts";

/** Every fact goes to the counters, to the watch over the platform and to the log. */
export function hearFacts(parts: {
  readonly version: string;
  readonly access: Access;
  readonly sessions: Sessions;
  readonly watch: PlatformWatch;
  readonly switchboard: Switchboard;
  readonly webhook: Webhook | null;
  readonly traces: SessionTraces | null;
  readonly elsewhere: Company;
  readonly log: Logger;
}): HubMetrics {
  const { version, access, sessions, watch, switchboard, webhook, log, traces, elsewhere } = parts;
  const metrics = new HubMetrics({
    version,
    sessions: () => sessions.all,
    links: () => switchboard.counts,
    strangers: () => access.strangers.counts,
    cost: () => sessions.cost.view(),
    isStoreRefusing: () => sessions.storeTrouble !== null,
    platform: () => watch.report(),
    webhook: () => webhook?.counts ?? null,
    cluster: () => elsewhere.numbers,
    now: () => systemClock.now(),
  });
  sessions.onEvent((event) => {
    metrics.observe(event);
    watch.observe(event);
    const attempt = sessions.known(event.session)?.record.attempt;
    const { traceId, spanId } = traces?.observe(event) ?? {};
    logFact(log, event, { attempt, traceId, spanId });
  });
  return metrics;
}
