/**
 * Sessions that live only as long as somebody wants them: one with the label `holdfast/lease` is
 * removed once nobody has renewed it for that long. So a program that is killed leaves no sandbox.
 * In memory: a hub that starts gives every owner a whole lease to come back. It removes by the
 * same door as an operator; what a removal does is the session's.
 */
import type { Clock } from "../base/clock.ts";
import { parseDuration, writeDuration } from "../base/duration.ts";
import { HubError, toHubError } from "../base/hub-error.ts";
import type { Logger } from "../base/log.ts";
import type { Lease } from "../protocol/api/work.ts";
import { LABELS } from "./labels.ts";
import type { Session } from "./session/session.ts";

/** Shorter ones would end with a busy moment of their owner. */
const LEASE_MS_MIN = 5_000;
const LEASE_MS_MAX = 24 * 60 * 60 * 1_000;
const LOOK_MS = 1_000;
/** A look this late means that the hub itself stood still, and heard nobody. */
const STOOD_STILL_MS = 3_000;

type Leased = Pick<Session, "record" | "operate">;

export interface LeaseKeeperOptions {
  readonly sessions: () => readonly Leased[];
  readonly clock: Clock;
  readonly log: Logger;
}

/** Null when it is fine. */
export function whyNotLease(text: string): string | null {
  const leaseMs = parseDuration(text);
  if (leaseMs !== null && leaseMs >= LEASE_MS_MIN && leaseMs <= LEASE_MS_MAX) return null;
  return `labels: ${LABELS.lease} is ${JSON.stringify(text)}, not a duration from 5s to 24h`;
}

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  /** When its owner was last heard of, monotonic ms, by session id. */
  readonly #heardAt = new Map<string, number>();
  #lookedAt: number;
  #timer: unknown = null;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#lookedAt = options.clock.mono();
  }

  start(): void {
    this.#look();
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
  }

  /** @throws HubError StateConflict for a session without one */
  renew({ record }: Leased): Lease {
    const leaseMs = leaseOf(record);
    if (record.state === "ended") {
      throw new HubError("SessionEnded", `session ${record.name} ended`);
    }
    if (leaseMs === null) {
      const hint = `Create it with the label ${LABELS.lease}=30s.`;
      throw new HubError("StateConflict", `session ${record.name} has no lease`, { hint });
    }
    const { clock } = this.#options;
    this.#heardAt.set(record.id, clock.mono());
    return { leaseMs, endsAt: new Date(clock.now() + leaseMs).toISOString() };
  }

  #look(): void {
    const { clock, sessions } = this.#options;
    const now = clock.mono();
    if (now - this.#lookedAt > STOOD_STILL_MS) this.#heardAt.clear();
    this.#lookedAt = now;
    const seen = new Set<string>();
    for (const session of sessions()) {
      const { id, state } = session.record;
      const leaseMs = leaseOf(session.record);
      if (leaseMs === null || state === "ended") continue;
      seen.add(id);
      const heardAt = this.#heardAt.get(id);
      if (heardAt === undefined) this.#heardAt.set(id, now);
      else if (now - heardAt > leaseMs) this.#end(session, leaseMs);
    }
    for (const id of this.#heardAt.keys()) if (!seen.has(id)) this.#heardAt.delete(id);
    this.#timer = clock.setTimeout(() => this.#look(), LOOK_MS);
  }

  #end(session: Leased, leaseMs: number): void {
    const { id, name } = session.record;
    const why = `because nobody renewed its lease of ${writeDuration(leaseMs)}`;
    try {
      session.operate("operator.removed", why);
      this.#options.log.info({ session: id, name }, `removed ${why}`);
    } catch (error) {
      // A store that refuses now is asked again with the next look.
      const { code, message } = toHubError(error);
      this.#options.log.warn({ session: id, code }, `not removed: ${message}`);
    }
  }
}

function leaseOf({ spec }: Leased["record"]): number | null {
  const text = spec.labels[LABELS.lease];
  return text === undefined ? null : parseDuration(text);
}
