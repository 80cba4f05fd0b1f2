/**
 * The other direction of the janitor's look: sessions whose sandbox the platform does not list any
 * more. A session that two looks in a row miss is told once; what it makes of it is its own proof.
 * Where the listing itself is at fault, its sessions say so, and prove nothing anew. A listing that
 * says of a connected session that it does not run has it proven at once, and is no claim itself.
 */
import type { Logger } from "../base/log.ts";
import type { ListedSandbox } from "../providers/provider.ts";
import type { Session } from "./session/session.ts";

const LOOKS_TO_TELL = 2;
/** A listing that is odd about so many, and most of what was expected, is itself at fault. */
const DOUBTFUL_COUNT = 5;
const DOUBTFUL_SHARE = 0.5;

export class RollCall {
  readonly #log: Logger;
  /** Looks in a row that did not find it, by sandbox id. */
  #absent = new Map<string, number>();
  /** Sandboxes that the look before said not to run. */
  #resting = new Set<string>();
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
    this.#hear(expected, listed);
    if (isDoubtful(absent, expected)) {
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

  /** Once for each time that the listing changes its mind: a patrol would hear of it later. */
  #hear(expected: readonly Session[], listed: readonly ListedSandbox[]): void {
    const words = new Map(listed.map(({ sandboxId, state }) => [sandboxId, state]));
    const resting = expected.filter(({ record }) => {
      const word = words.get(record.sandboxId ?? "");
      return record.state === "connected" && word !== undefined && word !== "started";
    });
    const before = this.#resting;
    this.#resting = new Set(resting.map(({ record }) => record.sandboxId ?? ""));
    if (isDoubtful(resting, expected)) return;
    for (const session of resting) {
      if (!before.has(session.record.sandboxId ?? "")) session.prove();
    }
  }
}

function isDoubtful(odd: readonly Session[], expected: readonly Session[]): boolean {
  return odd.length >= DOUBTFUL_COUNT && odd.length > expected.length * DOUBTFUL_SHARE;
}
