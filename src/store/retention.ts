/**
 * How much of a timeline is kept. What tells how a session began and how its attempts ended stays
 * for good; steps between them are dropped by number and by age, and one fact in their place says
 * so, with a number above all that it stands for: whoever goes on from a place in the gap meets it.
 *
 * Pure: which facts go, and what is said of them. When is the timeline keeper's.
 */
import type { FactKind } from "./facts.ts";

export const TRIMMED = "timeline.trimmed" satisfies FactKind;

/** Never dropped: the begin, what was wanted, how each attempt ended, and the end. */
export const keptKinds: readonly FactKind[] = [
  "session.created",
  "session.failed",
  "attempt.ended",
  "session.ended",
];

export interface TrimLaw {
  /** A session's facts beyond its newest so many go. */
  readonly rowsMax: number;
  /** Older ones go, too, wall ms; null: none for its age. */
  readonly beforeAt: number | null;
  /** The newest so many stay at any age: they tell how the session came to its state. */
  readonly spare: number;
  /** Dropped in one call at most: a store that is busy for long holds up the hub. */
  readonly batch: number;
}

export interface Shelved {
  /** Of a session in the order in which they were made. */
  readonly place: number;
  readonly id: string;
}

/** The part of a store that drops. */
export interface TimelineShelf {
  /** Sessions that ever were, those that are gone included, behind a place. */
  shelved(after: number, limit: number): readonly Shelved[];
  /**
   * Drops the oldest facts of a session that the law does not keep, in one transaction.
   * @returns how many went. @throws HubError StoreRefuses; nothing was dropped then.
   */
  trim(session: string, law: TrimLaw): number;
}

/** Sequence numbers up to which facts may go; 0 for none. */
export interface TrimBounds {
  readonly byRows: number;
  readonly spared: number;
}

export function isDoomed(
  fact: { readonly seq: number; readonly at: number; readonly kind: string },
  { byRows, spared }: TrimBounds,
  { beforeAt }: TrimLaw,
): boolean {
  if (fact.kind === TRIMMED || keptKinds.some((kind) => kind === fact.kind)) return false;
  const isOld = beforeAt !== null && fact.at < beforeAt && fact.seq <= spared;
  return isOld || fact.seq <= byRows;
}

/** What stands for all that was dropped up to now; `before` is what the last such fact held. */
export function trimmedOf(
  before: Readonly<Record<string, unknown>> | null,
  dropped: number,
  untilAt: number,
): { readonly text: string; readonly data: Readonly<Record<string, unknown>> } {
  const earlier = before?.["dropped"];
  const all = dropped + (typeof earlier === "number" ? earlier : 0);
  const until = new Date(untilAt).toISOString();
  const facts = all === 1 ? "1 fact" : `${all} facts`;
  return {
    text: `${facts} up to here were dropped; how attempts ended is kept`,
    data: { dropped: all, until },
  };
}
