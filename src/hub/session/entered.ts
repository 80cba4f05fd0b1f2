/** What a session writes down of a state that its machine entered, and how it names it. */
import type { StateValue } from "xstate";
import type { SessionRecord } from "../../store/facts.ts";
import type { SessionLedger } from "./ledger.ts";
import type { SessionContext } from "./vocabulary.ts";

export type Entered = Pick<
  SessionRecord,
  | "state"
  | "detail"
  | "attempt"
  | "attemptAt"
  | "deadlineAt"
  | "rung"
  | "ladder"
  | "starts"
  | "fault"
>;

/** A hub that restarts re-enters the same state. */
export function isSame(before: SessionRecord, entered: Entered): boolean {
  return (
    before.detail === entered.detail &&
    before.attempt === entered.attempt &&
    before.deadlineAt === entered.deadlineAt &&
    before.rung === entered.rung &&
    Object.values(before.ladder).join(" ") === Object.values(entered.ladder).join(" ")
  );
}

export function tellState(ledger: SessionLedger, context: SessionContext, change: Entered): void {
  const { detail, state, attempt, rung, deadlineAt, fault: failure } = change;
  const { fault, why } = context;
  if (detail === "connected.healthy" && !ledger.record.detail.startsWith("connected")) {
    const text = `connected: proven in epoch ${context.epoch ?? 0}`;
    ledger.note("session.connected", text, { epoch: context.epoch }, change);
  } else if (detail === "suspended.paused") {
    ledger.note("session.suspended", "suspended", {}, change);
  } else if (state === "error" && failure !== null) {
    const text = `${failure.code}: ${failure.message}`;
    ledger.note("session.failed", text, { ...failure }, change);
  } else if (detail === "ended.gone") {
    ledger.note("session.ended", "ended: nothing of it is left", {}, change);
  } else {
    const because = fault === null ? {} : { because: { code: fault.code, said: fault.message } };
    const data = { attempt, rung, deadlineAt, ...(why === "" ? {} : { why }), ...because };
    ledger.note("session.entered", detail, data, change);
  }
}

/** `{ creating: "requesting" }` as `creating.requesting`. */
export function pathOf(value: StateValue): string {
  if (typeof value === "string") return value;
  const [[key, inner] = ["", ""]] = Object.entries(value);
  return inner === undefined || inner === "" ? key : `${key}.${pathOf(inner)}`;
}
