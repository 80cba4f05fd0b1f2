/** The one structured result of an attempt, good or bad, from what the record says. Pure. */
import type { FaultCategory, FaultCode } from "../../base/faults.ts";
import type { Rung, SessionFault, SessionRecord } from "../../store/facts.ts";

export interface AttemptOutcome {
  readonly attempt: number;
  readonly result: "connected" | "suspended" | "error" | "cancelled" | "ended";
  /** Null unless the result is an error. */
  readonly code: FaultCode | null;
  readonly category: FaultCategory | null;
  readonly retryable: boolean | null;
  readonly message: string | null;
  readonly hint: string | null;
  /** State in which it ended, or in which it failed. */
  readonly phase: string;
  /** The highest rung that it climbed. */
  readonly rung: Rung;
  /** Sandboxes asked for. */
  readonly tries: number;
  readonly durationMs: number;
  readonly sandboxId: string | null;
}

/** Nothing more happens by itself: this is what a waiting caller wants to see. */
export function isAtRest({ state, detail }: Pick<SessionRecord, "state" | "detail">): boolean {
  if (state === "connected" || state === "error") return true;
  return detail === "suspended.paused" || detail === "ended.gone";
}

/** An attempt whose session rests now; `before` is the record as it was on the way. */
export function outcomeAtRest(
  before: SessionRecord,
  record: SessionRecord,
  now: number,
): AttemptOutcome {
  const { state, fault } = record;
  const result =
    state === "connected" || state === "suspended" || state === "ended" ? state : "error";
  const same = before.attempt === record.attempt ? before : record;
  return {
    ...base(same, now),
    attempt: record.attempt,
    result,
    ...faultWords(result === "error" ? fault : null),
    phase: result === "error" ? (fault?.phase ?? same.detail) : same.detail,
    sandboxId: record.sandboxId,
  };
}

/** An attempt that another one took the place of: cancelled, or a pause that was refused. */
export function outcomeSuperseded(
  record: SessionRecord,
  refusal: SessionFault | null,
  now: number,
): AttemptOutcome {
  const result = refusal === null ? "cancelled" : "error";
  return { ...base(record, now), result, ...faultWords(refusal) };
}

export function sentenceOf({ attempt, result, code, phase, durationMs }: AttemptOutcome): string {
  const took = `${(durationMs / 1_000).toFixed(1)} s`;
  const why = code === null ? "" : ` (${code})`;
  return `attempt ${attempt}: ${result}${why} after ${took}, in ${phase}`;
}

function base(record: SessionRecord, now: number) {
  return {
    attempt: record.attempt,
    phase: record.detail,
    rung: record.rung,
    tries: record.ladder.tries,
    // A wall clock may be set back while an attempt runs.
    durationMs: Math.max(0, now - record.attemptAt),
    sandboxId: record.sandboxId,
  };
}

function faultWords(fault: SessionFault | null) {
  return {
    code: fault?.code ?? null,
    category: fault?.category ?? null,
    retryable: fault?.retryable ?? null,
    message: fault?.message ?? null,
    hint: fault?.hint ?? null,
  };
}
