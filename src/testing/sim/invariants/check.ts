/** What one group of invariants sees of a world, and how it says that one is broken. */
import type { Session } from "../../../hub/session/session.ts";
import type { SessionEvent, SessionRecord } from "../../../store/facts.ts";
import type { SimDriver } from "../driver.ts";
import type { FaultKind } from "../faults.ts";
import type { PlatformCall } from "../platform.ts";
import type { World } from "../world.ts";

export interface Violation {
  readonly invariant: string;
  readonly atMs: number;
  readonly text: string;
}

/** A fact that a hub has just made durable, before anyone acts on it. */
export interface WrittenFact {
  readonly event: SessionEvent;
  /** Null for the fact that makes a session. */
  readonly before: SessionRecord | null;
  readonly record: SessionRecord;
}

/** What a check is given. */
export interface Stand {
  readonly world: World;
  /** Real milliseconds for which the hub, up to now, was dead or frozen. */
  readonly hubDownMs: number;
  violate(invariant: string, text: string): void;
  /** Something worth reaching was reached. */
  saw(what: string): void;
}

/** One group of invariants. Each part is optional; nothing is called without a reason. */
export interface Check {
  onFact?(fact: WrittenFact): void;
  /** Before the platform hears of it. */
  onCall?(call: PlatformCall): void;
  onEpoch?(driver: SimDriver, epoch: number): void;
  onHubKilled?(): void;
  /** Before a fault strikes. */
  onFault?(kind: FaultKind): void;
  /** After an event in which facts of this session were written. */
  onChanged?(session: Session, before: SessionRecord | null): void;
  /** After every event: for what only time can break. */
  afterEvent?(nowMs: number): void;
  /** Once everything that can be mended is, and the world had time to settle. */
  atEnd?(): void;
}
