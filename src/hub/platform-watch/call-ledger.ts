/** What was asked of the platform and how it went: counts, medians, the newest failures. */
import type { FaultCode } from "../../base/faults.ts";
import type { HubError } from "../../base/hub-error.ts";
import type { SandboxProvider } from "../../providers/provider.ts";

export type CallName = Exclude<keyof SandboxProvider, "platform" | "close">;

/** Enough for a median that follows a change within a minute. */
const LATENCIES_MAX = 64;
const ERRORS_MAX = 10;

export interface CallFacts {
  readonly calls: number;
  readonly failed: number;
  /** Not made at all: the breaker was open, or the budget used up. */
  readonly refused: number;
  /** Of the newest calls that were answered; null before the first. */
  readonly medianMs: number | null;
}

export interface CallError {
  readonly at: number;
  readonly call: CallName;
  readonly code: FaultCode;
  readonly text: string;
}

interface Counted {
  calls: number;
  failed: number;
  refused: number;
  readonly latenciesMs: number[];
}

export class CallLedger {
  readonly #byCall = new Map<CallName, Counted>();
  readonly #byCode = new Map<FaultCode, number>();
  readonly #errors: CallError[] = [];

  answered(call: CallName, latencyMs: number): void {
    const counted = this.#of(call);
    counted.calls += 1;
    counted.latenciesMs.push(latencyMs);
    if (counted.latenciesMs.length > LATENCIES_MAX) counted.latenciesMs.shift();
  }

  failed(call: CallName, error: HubError, at: number): void {
    const counted = this.#of(call);
    counted.calls += 1;
    counted.failed += 1;
    this.#byCode.set(error.code, (this.#byCode.get(error.code) ?? 0) + 1);
    this.#errors.push({ at, call, code: error.code, text: error.message });
    if (this.#errors.length > ERRORS_MAX) this.#errors.shift();
  }

  refused(call: CallName): void {
    this.#of(call).refused += 1;
  }

  /** Newest first. */
  get errors(): readonly CallError[] {
    return this.#errors.toReversed();
  }

  get calls(): Readonly<Record<string, CallFacts>> {
    const rows = [...this.#byCall].map(([call, { latenciesMs, ...counts }]) => {
      return [call, { ...counts, medianMs: median(latenciesMs) }] as const;
    });
    return Object.fromEntries(rows);
  }

  get outcomes(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#byCode);
  }

  #of(call: CallName): Counted {
    let counted = this.#byCall.get(call);
    if (counted === undefined) {
      counted = { calls: 0, failed: 0, refused: 0, latenciesMs: [] };
      this.#byCall.set(call, counted);
    }
    return counted;
  }
}

function median(values: readonly number[]): number | null {
  const middle = values.toSorted((a, b) => a - b)[values.length >> 1];
  return middle === undefined ? null : Math.round(middle);
}
