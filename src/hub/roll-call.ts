/**
 * The other direction of the janitor's look: sessions whose sandbox the platform does not list any
 * more. A session that two looks in a row miss is told once; what it makes of it is its own proof.
 * Where the listing itself is at fault, its sessions say so, and prove nothing anew.
 */
import type { Logger } from "../base/log.ts";
import type { ListedSandbox } from "../providers/provider.ts";
import type { Session } from "./session/session.ts";

const LOOKS_TO_TELL = 2;
/** A listing that lacks at least this many, and most of what was expected, is itself at fault. */
const DOUBTFUL_COUNT = 5;
const DOUBTFUL_SHARE = 0.5;

export class RollCall {
  readonly #log: Logger;
  /** Looks in a row that did not find it, by sandbox id. */
  #absent = new Map<string, number>();
  /** Looks in a row that were not believed. */
  #disbelieved = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  get missing(): number {
    return [...this.#absent.values()].filter((looks) => looks >= LOOKS_TO_TELL).length;
  }

  /** `expected` had their sandboxes before the listing was asked for. */
  look(expected: readonly Session[], listed: readonly ListedSandbox[]): void {
    const present = new Set(listed.map(({ sandboxId }) => sandboxId));
    const isAbsent = ({ record }: Session): boolean => !present.has(record.sandboxId ?? "");
    const absent = expected.filter(isAbsent);
    for (const session of expected) if (!isAbsent(session)) session.listed();
    const share = absent.length / Math.max(1, expected.length);
    if (absent.length >= DOUBTFUL_COUNT && share > DOUBTFUL_SHARE) {
      this.#disbelieved += 1;
      if (this.#disbelieved === LOOKS_TO_TELL) {
        const of = `${absent.length} of ${expected.length}`;
        const text = `the platform's listing lacks ${of} sandboxes; it is not believed`;
        for (const session of absent) session.warn("platform.claimed", "SandboxUnlisted", text);
      }
      const counts = { listed: listed.length, expected: expected.length, absent: absent.length };
      this.#log.warn(counts, "the platform's listing lacks most sandboxes; it is not believed");
      return;
    }
    this.#disbelieved = 0;
    const before = this.#absent;
    this.#absent = new Map();
    for (const session of absent) {
      const sandboxId = session.record.sandboxId ?? "";
      const looks = (before.get(sandboxId) ?? 0) + 1;
      this.#absent.set(sandboxId, looks);
      if (looks === LOOKS_TO_TELL) {
        const text = `the platform does not list ${sandboxId} any more`;
        session.doubt(text, "SandboxUnlisted");
      }
    }
  }
}
