/** Results of the attempts of one session: each is told once, the newest are kept for who asks. */
import type { Fact } from "../../store/facts.ts";
import type { SessionLedger } from "./ledger.ts";
import { sentenceOf, type AttemptOutcome } from "./outcome.ts";

/** Attempts whose outcome somebody may still ask for. */
const OUTCOMES_KEPT_MAX = 8;

export class OutcomeBook {
  readonly #ledger: SessionLedger;
  readonly #newest = new Map<number, AttemptOutcome>();

  constructor(ledger: SessionLedger) {
    this.#ledger = ledger;
  }

  tell(outcome: AttemptOutcome, change: Fact["change"] = {}): void {
    const { attempt } = outcome;
    // The record remembers which have, also over a restart of the hub.
    if (this.#ledger.record.attemptEnded >= attempt) return;
    const told = { ...change, attemptEnded: attempt };
    this.#ledger.note("attempt.ended", sentenceOf(outcome), { ...outcome }, told);
    this.#newest.set(attempt, outcome);
    for (const old of this.#newest.keys()) {
      if (this.#newest.size > OUTCOMES_KEPT_MAX) this.#newest.delete(old);
    }
  }

  of(attempt: number): AttemptOutcome | null {
    return this.#newest.get(attempt) ?? null;
  }
}
