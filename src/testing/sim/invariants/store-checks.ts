/**
 * I40: while the store refuses, nothing is done that a fact should stand for. A session whose fact
 * was refused changes nothing at the platform before one is kept, says why in health, and is never
 * well meanwhile.
 */
import type { PlatformCall } from "../platform.ts";
import type { Check, Stand, WrittenFact } from "./check.ts";

/** What looks, cleans up what was given up, or keeps awake rests on older facts. */
const ACTS = ["create", "start", "stop", "pause", "activateSnapshot"];

export class StoreChecks implements Check {
  readonly #stand: Stand;
  /** Sessions with a refused fact, and when, simulated ms. */
  readonly #refused = new Map<string, number>();
  /** Refused in this very event: in a later one of the same instant they may go on again. */
  readonly #justRefused = new Set<string>();

  constructor(stand: Stand) {
    this.#stand = stand;
    stand.world.store.onRefused = (session) => {
      this.#refused.set(session, stand.world.kernel.now);
      this.#justRefused.add(session);
    };
  }

  onHubKilled(): void {
    this.#refused.clear();
    this.#justRefused.clear();
  }

  onFact({ record }: WrittenFact): void {
    this.#refused.delete(record.id);
  }

  onCall({ name, target, detail }: PlatformCall): void {
    const runs = name === "exec" && (detail.includes("nohup") || detail.includes("kill -USR1"));
    if (!runs && !ACTS.includes(name)) return;
    for (const { record } of this.#stand.world.sessions) {
      const own = record.sandboxId === target || record.sandboxName === target;
      const since = this.#refused.get(record.id);
      if (!own || since === undefined || since === this.#stand.world.kernel.now) continue;
      this.#stand.violate("I40", `${name} for ${record.name}, whose last fact was refused`);
    }
  }

  afterEvent(): void {
    for (const id of this.#justRefused) {
      const session = this.#stand.world.sessions.find(({ record }) => record.id === id);
      if (session === undefined) continue;
      this.#stand.saw("a session stood still");
      const { status, verdict } = session.health();
      if (status !== "pass" && verdict.code === "StoreRefuses") continue;
      this.#stand.violate("I40", `${id} could not write and says ${status}, ${verdict.code}`);
    }
    this.#justRefused.clear();
  }
}
