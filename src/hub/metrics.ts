/**
 * The hub in numbers for Prometheus. Counters grow with the same facts that the timeline shows, so
 * the two never tell different stories; gauges are read from memory when somebody looks. No label
 * carries a session's id or name: those are in the timeline and the log.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { SessionEvent, SessionState } from "../store/facts.ts";
import type { HubCost } from "./cost/cost-book.ts";
import type { Session } from "./session/session.ts";

export interface MetricSources {
  readonly version: string;
  readonly sessions: () => readonly Session[];
  readonly cost: () => HubCost;
  readonly links: () => { readonly clients: number; readonly drivers: number };
}

const STATES: readonly SessionState[] = [
  "creating",
  "resuming",
  "nudging",
  "connected",
  "error",
  "suspended",
  "ended",
];

/** From one probe's answer to a whole ladder. */
const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 180, 300, 600];

/** Facts that are a rung of the ladder, or a step that a person pays or waits for. */
const RUNGS: Readonly<Partial<Record<SessionEvent["kind"], string>>> = {
  "nudge.sent": "nudge",
  "driver.launched": "launch",
  "sandbox.restarted": "restart",
  "sandbox.quarantined": "replace",
};

export class HubMetrics {
  readonly #registry = new Registry();
  readonly #events: Counter<"kind">;
  readonly #failures: Counter<"code" | "category">;
  readonly #rungs: Counter<"rung">;
  readonly #attempts: Counter<"result" | "code">;
  readonly #attemptSeconds: Histogram<"result">;
  readonly #probeChanges: Counter<"probe" | "path" | "result">;

  constructor(sources: MetricSources) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
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
    addGauges(sources, registers);
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  /** Counts one fact. Called for each, as it is published. */
  observe(event: SessionEvent): void {
    const { kind, data } = event;
    this.#events.inc({ kind });
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

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

function addGauges(sources: MetricSources, registers: Registry[]): void {
  new Gauge({
    name: "holdfast_build_info",
    help: "Always 1; the version is a label.",
    labelNames: ["version"],
    registers,
  }).set({ version: sources.version }, 1);
  new Gauge({
    name: "holdfast_sessions",
    help: "Sessions that exist now, by state.",
    labelNames: ["state"],
    registers,
    collect() {
      const counts = new Map<SessionState, number>(STATES.map((state) => [state, 0]));
      for (const { record } of sources.sessions()) {
        counts.set(record.state, (counts.get(record.state) ?? 0) + 1);
      }
      for (const [state, count] of counts) this.set({ state }, count);
    },
  });
  new Gauge({
    name: "holdfast_sessions_disagreeing",
    help: "Sessions whose platform claims more than the evidence proves.",
    registers,
    collect() {
      const all = sources.sessions();
      this.set(all.filter((session) => session.health().disagreement !== null).length);
    },
  });
  new Gauge({
    name: "holdfast_sessions_on_fallback",
    help: "Sessions that run from an image because their snapshot could not be used.",
    registers,
    collect() {
      const all = sources.sessions();
      this.set(all.filter(({ record }) => record.source?.kind === "image-fallback").length);
    },
  });
  new Gauge({
    name: "holdfast_sandbox_seconds",
    help: "Sandbox-seconds so far, by what the sandbox was; all but owned and control is waste.",
    labelNames: ["kind"],
    registers,
    collect() {
      for (const [kind, value] of Object.entries(sources.cost().sandboxSeconds)) {
        this.set({ kind }, value);
      }
    },
  });
  new Gauge({
    name: "holdfast_sandboxes",
    help: "Sandboxes at the platform now, by what they are to this hub.",
    labelNames: ["kind"],
    registers,
    collect() {
      for (const [kind, value] of Object.entries(sources.cost().now)) this.set({ kind }, value);
    },
  });
  new Gauge({
    name: "holdfast_links",
    help: "WebSocket links that are open now, by role.",
    labelNames: ["role"],
    registers,
    collect() {
      const { clients, drivers } = sources.links();
      this.set({ role: "client" }, clients);
      this.set({ role: "driver" }, drivers);
    },
  });
}

/** A label's value: codes and names of ours, never free text. */
function word(value: unknown): string {
  return typeof value === "string" ? value : "";
}
