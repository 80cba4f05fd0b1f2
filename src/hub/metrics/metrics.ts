/**
 * The hub in numbers for Prometheus. Counters grow with the same facts that the timeline shows, so
 * the two never tell different stories; gauges are read from memory when somebody looks. No label
 * carries a session's id or name: those are in the timeline and the log.
 */
import { collectDefaultMetrics, Counter, Histogram, Registry } from "prom-client";
import { faults, isFaultCode } from "../../base/faults.ts";
import type { SessionEvent } from "../../store/facts.ts";
import { addClusterMetrics } from "./cluster-metrics.ts";
import { addHubGauges, type HubNumbers } from "./hub-gauges.ts";
import { addPlatformMetrics, type PlatformNumbers } from "./platform-metrics.ts";

export interface MetricSources extends HubNumbers {
  readonly platform: PlatformNumbers;
}

/** From one probe's answer to a whole ladder. */
const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 180, 300, 600];

/** Facts that are a rung of the ladder, or a step that a person pays or waits for. */
const RUNGS: Readonly<Partial<Record<SessionEvent["kind"], string>>> = {
  "nudge.sent": "nudge",
  "driver.launched": "launch",
  "sandbox.restarted": "restart",
  "sandbox.quarantined": "replace",
};

/** Gauges with the suffix of a counter; the same numbers are there by type, under good names. */
const MISNAMED = ["handles", "requests", "resources"].map((what) => `nodejs_active_${what}_total`);

export class HubMetrics {
  readonly #registry = new Registry();
  readonly #events: Counter<"kind">;
  readonly #failures: Counter<"code" | "category">;
  readonly #findings: Counter<"code">;
  readonly #rungs: Counter<"rung">;
  readonly #attempts: Counter<"result" | "code">;
  readonly #attemptSeconds: Histogram<"result">;
  readonly #probeChanges: Counter<"probe" | "path" | "result">;
  readonly #dropped: Counter;
  readonly #readersCut: Counter;

  constructor(given: MetricSources) {
    const sources = readOnce(given);
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    for (const sum of MISNAMED) this.#registry.removeSingleMetric(sum);
    this.#events = new Counter({
      name: "holdfast_facts_total",
      help: "Facts written, by kind; the timeline shows each.",
      labelNames: ["kind"],
      registers,
    });
    this.#failures = new Counter({
      name: "holdfast_session_failures_total",
      help: "Sessions that came to rest in error, by fault code and category.",
      labelNames: ["code", "category"],
      registers,
    });
    this.#findings = new Counter({
      name: "holdfast_findings_total",
      help: "Facts that carry a fault code, by code: what was seen, whether or not it was healed.",
      labelNames: ["code"],
      registers,
    });
    this.#rungs = new Counter({
      name: "holdfast_ladder_steps_total",
      help: "Steps taken to start or heal a session: nudge, launch, restart, replace.",
      labelNames: ["rung"],
      registers,
    });
    this.#attempts = new Counter({
      name: "holdfast_attempts_total",
      help: "Attempts that ended, by result and fault code; the code is empty on success.",
      labelNames: ["result", "code"],
      registers,
    });
    this.#attemptSeconds = new Histogram({
      name: "holdfast_attempt_duration_seconds",
      help: "From the start of an attempt to its one result.",
      labelNames: ["result"],
      buckets: SECONDS,
      registers,
    });
    this.#probeChanges = new Counter({
      name: "holdfast_probe_changes_total",
      help: "Probe answers that differ from the one before, by probe, path and result.",
      labelNames: ["probe", "path", "result"],
      registers,
    });
    this.#dropped = new Counter({
      name: "holdfast_facts_dropped_total",
      help: "Facts that the settings of timelines let go; one that stands for them stays.",
      registers,
    });
    this.#readersCut = new Counter({
      name: "holdfast_event_readers_cut_total",
      help: "Event streams that were cut because nobody read them; they resume without a gap.",
      registers,
    });
    // A series that is born with its first failure has no increase that an alert could see.
    for (const [code, { category }] of Object.entries(faults)) {
      if (category === "caller") continue;
      this.#failures.inc({ code, category }, 0);
      this.#findings.inc({ code }, 0);
    }
    addHubGauges(sources, registers);
    addClusterMetrics(sources.cluster, registers);
    addPlatformMetrics(sources.platform, registers);
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  /** Counts one fact. Called for each, as it is published. */
  observe(event: SessionEvent): void {
    const { kind, data } = event;
    this.#events.inc({ kind });
    if (isFaultCode(data["code"])) this.#findings.inc({ code: data["code"] });
    const rung = RUNGS[kind];
    if (rung !== undefined) this.#rungs.inc({ rung });
    if (kind === "session.failed") {
      this.#failures.inc({ code: word(data["code"]), category: word(data["category"]) });
    } else if (kind === "attempt.ended") {
      const result = word(data["result"]);
      this.#attempts.inc({ result, code: word(data["code"]) });
      const { durationMs } = data;
      if (typeof durationMs === "number")
        this.#attemptSeconds.observe({ result }, durationMs / 1e3);
    } else if (kind === "probe.answered") {
      const result = data["ok"] === true ? "ok" : "failed";
      this.#probeChanges.inc({ probe: word(data["probe"]), path: word(data["path"]), result });
    }
  }

  readonly factsDropped = (count: number): void => this.#dropped.inc(count);

  readerCut(): void {
    this.#readersCut.inc();
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

/** All gauges are read in one turn, and many of them are parts of one dear answer. */
function readOnce(sources: MetricSources): MetricSources {
  const { cost, platform, cluster } = sources;
  const once = { cost: onceATurn(cost), platform: onceATurn(platform) };
  return { ...sources, ...once, cluster: onceATurn(cluster) };
}

function onceATurn<T>(read: () => T): () => T {
  let kept: { readonly answer: T } | null = null;
  return () => {
    if (kept === null) {
      kept = { answer: read() };
      queueMicrotask(() => (kept = null));
    }
    return kept.answer;
  };
}

/** A label's value: codes and names of ours, never free text. */
function word(value: unknown): string {
  return typeof value === "string" ? value : "";
}
