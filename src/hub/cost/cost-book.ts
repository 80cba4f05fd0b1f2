/**
 * What all sandboxes of this hub have cost: sessions that live, sessions that ended, and sandboxes
 * that belong to none. The first two are folds of facts; only what has no session is booked, when
 * it is known to be gone. Survives the hub, and writes nothing by the clock.
 */
import type { Clock } from "../../base/clock.ts";
import {
  addCosts,
  costAt,
  hasSandbox,
  isLeft,
  noCost,
  type SandboxCost,
} from "../../store/cost.ts";
import type { SessionRecord } from "../../store/facts.ts";
import { whereKept } from "../../store/refusal.ts";
import type { Store } from "../../store/store.ts";

/** A sandbox that no session's record speaks of. */
export interface Unowned {
  readonly kind: "orphaned" | "control";
  readonly forMs: number;
}

export interface SessionCost {
  readonly sandboxSeconds: {
    readonly owned: number;
    readonly suspended: number;
    readonly orphaned: number;
    readonly quarantined: number;
  };
  /** Sandboxes that were given up and are known to be gone. */
  readonly cleaned: number;
}

export interface HubCost {
  readonly sandboxSeconds: SessionCost["sandboxSeconds"] & { readonly control: number };
  readonly cleaned: number;
  /** Sandboxes at this moment. */
  readonly now: {
    readonly owned: number;
    readonly suspended: number;
    readonly orphaned: number;
    readonly quarantined: number;
    readonly control: number;
  };
}

export class CostBook {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #living: () => readonly SessionRecord[];
  #ended: SandboxCost | null = null;
  #unowned: readonly Unowned[] = [];
  readonly #unbooked: Unowned[] = [];

  constructor(options: { store: Store; clock: Clock; living: () => readonly SessionRecord[] }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#living = options.living;
  }

  /** A sandbox without a session is gone for good, after this long. */
  close({ kind, forMs }: Unowned): void {
    this.#unbooked.push({ kind, forMs: Math.max(0, Math.round(forMs)) });
    this.#book();
  }

  /** What the store refuses now is booked with the next. */
  #book(): void {
    for (let [next] = this.#unbooked; next !== undefined; [next] = this.#unbooked) {
      const { kind, forMs } = next;
      if (!whereKept(() => this.#store.book(kind, forMs))) return;
      this.#unbooked.shift();
    }
  }

  /** Those that are there now; replaces what was said before. */
  sight(unowned: readonly Unowned[]): void {
    this.#unowned = unowned;
  }

  /** A session is over: its cost does not grow any more. */
  end(record: SessionRecord): void {
    if (this.#ended !== null) this.#ended = addCosts(this.#ended, record.cost);
  }

  view(): HubCost {
    const now = this.#clock.now();
    const living = this.#living();
    const sessions = living.reduce(
      (sum, record) => addCosts(sum, costAt(record, now)),
      this.#pastSessions(),
    );
    const booked = this.#store.booked();
    const unownedMs = (kind: Unowned["kind"]): number =>
      this.#unowned.reduce((ms, one) => ms + (one.kind === kind ? one.forMs : 0), 0) +
      (booked[kind]?.ms ?? 0);
    const { sandboxSeconds, cleaned } = sessionCostOf(sessions);
    return {
      sandboxSeconds: {
        ...sandboxSeconds,
        orphaned: seconds(sessions.orphanedMs + unownedMs("orphaned")),
        control: seconds(unownedMs("control")),
      },
      cleaned: cleaned + (booked["orphaned"]?.count ?? 0),
      now: this.#counts(living),
    };
  }

  #counts(living: readonly SessionRecord[]): HubCost["now"] {
    const left = living.filter(isLeft).length;
    const owned = living.filter((record) => hasSandbox(record) && !isLeft(record));
    const suspended = owned.filter(({ detail }) => detail === "suspended.paused").length;
    const sum = (ofRecord: (record: SessionRecord) => readonly unknown[]): number =>
      living.reduce((count, record) => count + ofRecord(record).length, 0);
    const unowned = (kind: Unowned["kind"]): number =>
      this.#unowned.filter((one) => one.kind === kind).length;
    return {
      owned: owned.length - suspended,
      suspended,
      orphaned: left + sum(({ litter }) => litter) + unowned("orphaned"),
      quarantined: sum(({ quarantine }) => quarantine),
      control: unowned("control"),
    };
  }

  /** Read once: a hub that ran for a year has ended many. */
  #pastSessions(): SandboxCost {
    this.#ended ??= this.#store.endedCost() ?? noCost(0);
    return this.#ended;
  }
}

export function costOf(record: SessionRecord, now: number): SessionCost {
  return sessionCostOf(costAt(record, now));
}

function sessionCostOf(cost: SandboxCost): SessionCost {
  return {
    sandboxSeconds: {
      owned: seconds(cost.ownedMs),
      suspended: seconds(cost.suspendedMs),
      orphaned: seconds(cost.orphanedMs),
      quarantined: seconds(cost.quarantinedMs),
    },
    cleaned: cost.cleaned,
  };
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}
