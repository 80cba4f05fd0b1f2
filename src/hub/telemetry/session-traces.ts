/**
 * The attempts of sessions as spans, from the same facts as the timeline, so that the two tell one
 * story: an attempt is a span below the request that asked, and the platform's calls, nudges,
 * probes and the driver's attach are below the attempt. Outside of an attempt nothing is traced: a
 * patrol is no news.
 */
import type { Clock } from "../../base/clock.ts";
import { toHubError } from "../../base/hub-error.ts";
import type { SandboxProvider } from "../../providers/provider.ts";
import type { SessionEvent } from "../../store/facts.ts";
import type { OpenSpan, SpanPlace, Telemetry } from "./telemetry.ts";

interface Attempt {
  readonly span: OpenSpan;
  /** The epoch that was issued and is not attached yet. */
  attaching: OpenSpan | null;
}

const WORKING: Readonly<Partial<Record<SessionEvent["state"], string>>> = {
  creating: "session.create",
  resuming: "session.resume",
  nudging: "session.heal",
};

const WANTED: Readonly<Record<string, string>> = {
  connected: "session.resume",
  suspended: "session.pause",
  ended: "session.remove",
};

export class SessionTraces {
  readonly #telemetry: Telemetry;
  readonly #clock: Clock;
  /** The request in whose turn something happens. */
  readonly #asking: () => SpanPlace | null;
  readonly #open = new Map<string, Attempt>();

  constructor(telemetry: Telemetry, clock: Clock, asking: () => SpanPlace | null) {
    this.#telemetry = telemetry;
    this.#clock = clock;
    this.#asking = asking;
  }

  /** Where a fact belongs; null when no attempt is under way. */
  observe(event: SessionEvent): SpanPlace | null {
    const name = beginOf(event);
    const before = this.#open.get(event.session);
    if (name !== null || (before === undefined && isWorking(event))) {
      this.#begin(event, name ?? WORKING[event.state] ?? "session.work");
    }
    const attempt = this.#open.get(event.session);
    if (attempt === undefined) return null;
    this.#add(attempt, event);
    return attempt.span;
  }

  /** The provider for one session's work: each call of an attempt is a span. */
  providerFor(sessionId: string, inner: SandboxProvider): SandboxProvider {
    return new Proxy(inner, {
      get: (target, key) => {
        const member: unknown = Reflect.get(target, key, target);
        if (typeof member !== "function") return member;
        const call = member.bind(target) as (...args: unknown[]) => unknown;
        return (...args: unknown[]) => this.#call(sessionId, String(key), () => call(...args));
      },
    });
  }

  #begin(event: SessionEvent, name: string): void {
    this.#open.get(event.session)?.span.end(event.at, null, { "holdfast.result": "superseded" });
    const span = this.#telemetry.begin({
      name,
      parent: this.#asking(),
      kind: "internal",
      at: event.at,
      facts: { "holdfast.session.id": event.session, "holdfast.session.name": event.name },
    });
    this.#open.set(event.session, { span, attaching: null });
  }

  #add(attempt: Attempt, event: SessionEvent): void {
    const { kind, at, data, text, detail } = event;
    switch (kind) {
      case "nudge.sent":
        this.#short(attempt, "nudge", at, at, wrongOf(data), { "holdfast.nudge": text });
        break;
      case "probe.answered":
        this.#probe(attempt, event);
        break;
      case "epoch.issued":
        attempt.attaching = this.#below(attempt, "driver.attach", at, {
          "holdfast.epoch": numberOf(data["epoch"]),
        });
        break;
      case "driver.attached":
        attempt.attaching?.end(at, null);
        attempt.attaching = null;
        break;
      case "attempt.ended":
        this.#ended(attempt, event);
        break;
      default:
        attempt.span.mark(kind === "session.entered" ? detail : kind, at, {
          "holdfast.text": text,
        });
    }
  }

  #probe(attempt: Attempt, { at, data }: SessionEvent): void {
    const tookMs = numberOf(data["latencyMs"]) ?? 0;
    const wrong = data["ok"] === false ? String(data["detail"]) : null;
    const name = `probe ${typeof data["probe"] === "string" ? data["probe"] : ""}`.trim();
    const path = data["path"];
    const facts = typeof path === "string" ? { "holdfast.probe.path": path } : {};
    this.#short(attempt, name, at - tookMs, at, wrong, facts);
  }

  /** One that another took the place of was closed when that one began. */
  #ended(attempt: Attempt, { session, at, data }: SessionEvent): void {
    const { result, code, message, rung, attempt: number } = data;
    if (result === "cancelled") return;
    attempt.attaching?.end(at, "the driver did not attach");
    attempt.span.end(at, result === "error" ? String(message ?? code) : null, {
      "holdfast.result": String(result),
      "holdfast.attempt": numberOf(number),
      "holdfast.rung": String(rung),
      "error.type": typeof code === "string" ? code : null,
    });
    this.#open.delete(session);
  }

  #below(
    { span }: Attempt,
    name: string,
    at: number,
    facts: Readonly<Record<string, string | number | null>>,
    kind: "client" | "internal" = "internal",
  ): OpenSpan {
    return this.#telemetry.begin({ name, parent: span, kind, at, facts });
  }

  #short(
    attempt: Attempt,
    name: string,
    from: number,
    to: number,
    wrong: string | null,
    facts: Readonly<Record<string, string>>,
  ): void {
    this.#below(attempt, name, from, facts).end(to, wrong);
  }

  #call(sessionId: string, name: string, work: () => unknown): unknown {
    const attempt = this.#open.get(sessionId);
    if (attempt === undefined) return work();
    const span = this.#below(attempt, `platform.${name}`, this.#clock.now(), {}, "client");
    const done = (error: unknown = null): void => {
      const fault = error === null ? null : toHubError(error);
      const facts = fault === null ? {} : { "error.type": fault.code };
      span.end(this.#clock.now(), fault?.message ?? null, facts);
    };
    const result = work();
    if (!(result instanceof Promise)) {
      done();
      return result;
    }
    result.then(() => done(), done);
    return result;
  }
}

function beginOf({ kind, data }: SessionEvent): string | null {
  if (kind === "session.created") return "session.create";
  if (kind !== "intent.changed") return null;
  return WANTED[String(data["desired"])] ?? null;
}

const isWorking = ({ kind, state }: SessionEvent): boolean =>
  kind === "session.entered" && WORKING[state] !== undefined;

const wrongOf = ({ code }: SessionEvent["data"]): string | null =>
  typeof code === "string" ? code : null;

const numberOf = (value: unknown): number | null => (typeof value === "number" ? value : null);
