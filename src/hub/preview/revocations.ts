/**
 * Preview links that were taken back. A link is signed and not stored; it carries the number of
 * revocations that its port and its session had by then, and opens nothing once there are more. So
 * no clock has a say in it. In memory: what links hold open, so that it ends at once.
 */
import type { Shelf } from "../shelf.ts";
import type { Pass } from "./preview-pass.ts";

export interface Revocation {
  readonly session: string;
  /** Null for all ports. */
  readonly port: number | null;
  readonly count: number;
}

interface Held {
  readonly pass: Pass;
  readonly end: () => void;
}

export class Revocations {
  readonly #shelf: Shelf<Revocation>;
  readonly #isKnown: (session: string) => boolean;
  #byPlace = new Map<string, Revocation>();
  readonly #held = new Set<Held>();

  /** What is kept of a session goes with it: its links open nothing then. */
  constructor(shelf: Shelf<Revocation>, isKnown: (session: string) => boolean) {
    this.#shelf = shelf;
    this.#isKnown = isKnown;
    this.#take(shelf.all);
    shelf.onChange((all) => this.#take(all));
  }

  /** All links to the port, or to all ports, that there are now. @throws HubError */
  async revoke(session: string, port: number | null): Promise<void> {
    const place = placeOf({ session, port });
    await this.#shelf.change((all) => {
      const before = all.find((one) => placeOf(one) === place)?.count ?? 0;
      const others = all.filter((one) => this.#isKnown(one.session) && placeOf(one) !== place);
      return [...others, { session, port, count: before + 1 }];
    });
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

  #take(all: readonly Revocation[]): void {
    this.#byPlace = new Map(all.map((one) => [placeOf(one), one]));
    for (const held of [...this.#held].filter(({ pass }) => this.covers(pass))) {
      this.#held.delete(held);
      held.end();
    }
  }

  #countOf(session: string, port: number | null): number {
    return this.#byPlace.get(placeOf({ session, port }))?.count ?? 0;
  }
}

function placeOf({ session, port }: Pick<Revocation, "session" | "port">): string {
  return `${session}/${port ?? "*"}`;
}
