/**
 * Preview links that were taken back. A link is signed and not stored; it carries the number of
 * revocations that its port and its session had by then, and opens nothing once there are more. So
 * no clock has a say in it. In memory: what links hold open, so that it ends at once.
 */
import type { Pass } from "./preview-pass.ts";

export interface Revocation {
  readonly session: string;
  /** Null for all ports. */
  readonly port: number | null;
  readonly count: number;
}

/** `write` returns once a power cut cannot take it back. */
export interface RevocationShelf {
  /** @throws HubError StoreCorrupt, HomeNotWritable */
  read(): readonly Revocation[];
  /** @throws HubError HomeNotWritable */
  write(revocations: readonly Revocation[]): void;
}

interface Held {
  readonly pass: Pass;
  readonly end: () => void;
}

export class Revocations {
  readonly #shelf: RevocationShelf;
  readonly #isKnown: (session: string) => boolean;
  readonly #byPlace = new Map<string, Revocation>();
  readonly #held = new Set<Held>();

  /** What is kept of a session goes with it: its links open nothing then. */
  constructor(shelf: RevocationShelf, isKnown: (session: string) => boolean) {
    this.#shelf = shelf;
    this.#isKnown = isKnown;
    for (const one of shelf.read()) this.#byPlace.set(placeOf(one), one);
  }

  /** All links to the port, or to all ports, that there are now. @throws HubError */
  revoke(session: string, port: number | null): void {
    const made = { session, port, count: this.#countOf(session, port) + 1 };
    const others = [...this.#byPlace.values()].filter(
      (one) => this.#isKnown(one.session) && placeOf(one) !== placeOf(made),
    );
    // On the shelf before it is true here: a link does not come back with a restart.
    this.#shelf.write([...others, made]);
    this.#byPlace.clear();
    for (const one of [...others, made]) this.#byPlace.set(placeOf(one), one);
    for (const held of [...this.#held].filter(({ pass }) => this.covers(pass))) {
      this.#held.delete(held);
      held.end();
    }
  }

  covers({ sessionId, port, revocations }: Pass): boolean {
    return revocations < this.count(sessionId, port);
  }

  /** Revocations that concern the port; a link carries the number of its time. */
  count(session: string, port: number): number {
    return this.#countOf(session, port) + this.#countOf(session, null);
  }

  /** What a link holds open. Returns what to call once it is over by itself. */
  hold(pass: Pass, end: () => void): () => void {
    const held = { pass, end };
    this.#held.add(held);
    return () => void this.#held.delete(held);
  }

  #countOf(session: string, port: number | null): number {
    return this.#byPlace.get(placeOf({ session, port }))?.count ?? 0;
  }
}

function placeOf({ session, port }: Pick<Revocation, "session" | "port">): string {
  return `${session}/${port ?? "*"}`;
}
