/**
 * The sessions that a hub has and has not read yet: those that sleep, in a store that can tell them
 * apart. A hub is ready once all others are started; these are read while it serves, a page in a
 * turn, and one that somebody asks for at once. So none is ever called missing, and whoever needs
 * all of them waits until this is over.
 */
import type { SessionRecord } from "../store/facts.ts";
import type { AsleepSessions } from "../store/store.ts";

export class UnreadSessions {
  readonly #asleep: AsleepSessions;
  /** Those that this hub has had: what it knows of them is newer than their rows. */
  readonly #met: Set<string>;

  constructor(asleep: AsleepSessions, met: readonly string[]) {
    this.#asleep = asleep;
    this.#met = new Set(met);
  }

  meet(id: string): void {
    this.#met.add(id);
  }

  /** By id or full name; null also for one that was read, whatever became of it. */
  find(idOrName: string): SessionRecord | null {
    const record = this.#asleep.known(idOrName);
    return record === null || this.#met.has(record.id) ? null : record;
  }

  /** Whether one of them has this sandbox. */
  has(sandboxId: string): boolean {
    return this.#asleep.ownersOf(sandboxId).some((id) => !this.#met.has(id));
  }

  /** Others are served between two pages, and a page is taken as it was read. */
  async readAll(take: (record: SessionRecord) => void, isOver: () => boolean): Promise<void> {
    for (const page of this.#asleep.pages()) {
      for (const record of page) if (!this.#met.has(record.id)) take(record);
      await new Promise((turn) => setImmediate(turn));
      if (isOver()) return;
    }
  }
}
