/**
 * What is told to an OpenTelemetry collector, in the hub's own words: spans and log lines. Nobody
 * else knows a package of OpenTelemetry; without a collector nothing of it is loaded.
 */
import type { Clock } from "../../base/clock.ts";

export interface TelemetrySettings {
  /** Base address of a collector's OTLP over HTTP; `/v1/traces` and `/v1/logs` are below it. */
  readonly url: string;
  /** Sent with each batch: most likely a key. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What the process is, for whoever reads of many. */
export interface TelemetrySelf {
  readonly hubId: string;
  readonly version: string;
}

/** Where a span belongs. */
export interface SpanPlace {
  readonly traceId: string;
  readonly spanId: string;
}

export type SpanFacts = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface SpanBegin {
  readonly name: string;
  readonly parent: SpanPlace | null;
  readonly kind: "server" | "client" | "internal";
  /** Wall ms. */
  readonly at: number;
  readonly facts: SpanFacts;
}

export interface OpenSpan extends SpanPlace {
  /** Something happened at one moment of it. */
  mark(text: string, at: number, facts?: SpanFacts): void;
  /** `wrong` says why it is an error; null when it is none. */
  end(at: number, wrong: string | null, facts?: SpanFacts): void;
}

export interface Telemetry {
  begin(span: SpanBegin): OpenSpan;
  /** The place that a caller's `traceparent` names; null when it names none. */
  placeOf(traceparent: string): SpanPlace | null;
  /** One line of the log as it was written, secrets hidden. */
  line(json: string): void;
  /** Told at most once a minute while the collector takes nothing. */
  onTrouble: (why: string) => void;
  /** Sends what is left, for a short time. */
  close(): Promise<void>;
}

/** @throws nothing: a collector that is away costs its data, never the hub. */
export async function openTelemetry(
  settings: TelemetrySettings | null,
  self: TelemetrySelf,
  clock: Clock,
): Promise<Telemetry | null> {
  if (settings === null) return null;
  const { connectCollector } = await import("./open-telemetry.ts");
  return connectCollector(settings, self, clock);
}
