/** The one door to the packages of OpenTelemetry: OTLP over HTTP with JSON, in batches. */
import http from "node:http";
import https from "node:https";
import {
  diag,
  DiagLogLevel,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from "@opentelemetry/api";
import type { Attributes, Context } from "@opentelemetry/api";
import { SeverityNumber } from "@opentelemetry/api-logs";
import { parseTraceParent } from "@opentelemetry/core";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { sleep } from "../../base/deadline.ts";
import type { Clock } from "../../base/clock.ts";
import type {
  OpenSpan,
  SpanBegin,
  SpanFacts,
  SpanPlace,
  Telemetry,
  TelemetrySelf,
  TelemetrySettings,
} from "./telemetry.ts";

/** Seen soon by whoever looks, and few requests under load. */
const BATCH = { scheduledDelayMillis: 1_000, exportTimeoutMillis: 5_000 } as const;
/** A collector that is away does not hold up the end of a hub. */
const CLOSE_MS = 2_000;

const QUIET_MS = 60_000;
const TROUBLE_CHARS_MAX = 500;

const KINDS = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
} as const;

/** By the numbers that pino writes. */
const LEVELS: Readonly<Record<number, readonly [SeverityNumber, string]>> = {
  10: [SeverityNumber.TRACE, "TRACE"],
  20: [SeverityNumber.DEBUG, "DEBUG"],
  30: [SeverityNumber.INFO, "INFO"],
  40: [SeverityNumber.WARN, "WARN"],
  50: [SeverityNumber.ERROR, "ERROR"],
};

export function connectCollector(
  { url, headers }: TelemetrySettings,
  { hubId, version }: TelemetrySelf,
  clock: Clock,
): Telemetry {
  const resource = resourceFromAttributes({
    "service.name": "holdfast",
    "service.version": version,
    "service.instance.id": hubId,
  });
  const at = (path: string) => ({
    url: `${url.replace(/\/+$/, "")}/v1/${path}`,
    headers: { ...headers },
    timeoutMillis: BATCH.exportTimeoutMillis,
    // The hub's way out, which judges every address; ../outbound puts it there.
    httpAgentOptions: (protocol: string) =>
      protocol.startsWith("https") ? https.globalAgent : http.globalAgent,
  });
  const traces = new TracerProvider({
    resource,
    spanProcessors: [
      new BatchSpanProcessor({ exporter: new OTLPTraceExporter(at("traces")), ...BATCH }),
    ],
  });
  const logs = new LoggerProvider({
    resource,
    processors: [
      new BatchLogRecordProcessor({ exporter: new OTLPLogExporter(at("logs")), ...BATCH }),
    ],
  });
  const tracer = traces.getTracer("holdfast", version);
  const logger = logs.getLogger("holdfast", version);
  const telemetry: Telemetry = {
    onTrouble: () => undefined,
    begin: (span) => beginIn(tracer, span),
    placeOf: (traceparent) => parseTraceParent(traceparent),
    line: (json) => {
      const { level, time, msg, traceId, spanId, ...rest } = JSON.parse(json) as LogLine;
      const [severityNumber, severityText] = LEVELS[level] ?? [SeverityNumber.INFO, "INFO"];
      logger.emit({
        timestamp: Date.parse(time),
        severityNumber,
        severityText,
        body: msg,
        attributes: rest,
        ...(traceId === undefined || spanId === undefined
          ? {}
          : { context: contextOf({ traceId, spanId }) }),
      });
    },
    close: async () => {
      const all = Promise.allSettled([traces.shutdown(), logs.shutdown()]);
      await Promise.race([all, sleep(clock, CLOSE_MS)]);
    },
  };
  hearTrouble(telemetry, clock);
  return telemetry;
}

/** The packages swallow what a collector refuses, and tell it here alone. */
function hearTrouble(telemetry: Telemetry, clock: Clock): void {
  let toldAt = -Infinity;
  const tell = (why: string, ...more: unknown[]): void => {
    // The line goes to the collector, too: it must not be followed by one about itself.
    if (clock.mono() - toldAt < QUIET_MS) return;
    toldAt = clock.mono();
    telemetry.onTrouble([why, ...more].map(String).join(" ").slice(0, TROUBLE_CHARS_MAX));
  };
  const nothing = (): void => undefined;
  const logger = { error: tell, warn: tell, info: nothing, debug: nothing, verbose: nothing };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}

interface LogLine {
  readonly level: number;
  readonly time: string;
  readonly msg: string;
  readonly traceId?: string;
  readonly spanId?: string;
}

function beginIn(
  tracer: ReturnType<TracerProvider["getTracer"]>,
  { name, parent, kind, at, facts }: SpanBegin,
): OpenSpan {
  const about = { kind: KINDS[kind], startTime: at, attributes: known(facts) };
  const span = tracer.startSpan(name, about, parent === null ? ROOT_CONTEXT : contextOf(parent));
  const { traceId, spanId } = span.spanContext();
  return {
    traceId,
    spanId,
    mark: (text, when, more = {}) => void span.addEvent(text, known(more), when),
    end: (when, wrong, more = {}) => {
      span.setAttributes(known(more));
      if (wrong !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: wrong });
      span.end(when);
    },
  };
}

function contextOf({ traceId, spanId }: SpanPlace): Context {
  const place = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
  return trace.setSpanContext(ROOT_CONTEXT, place);
}

function known(facts: SpanFacts): Attributes {
  return Object.fromEntries(
    Object.entries(facts).filter(([, value]) => value !== null && value !== undefined),
  ) as Attributes;
}
