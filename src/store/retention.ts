/**
 * How much of a timeline is kept. How a session began stays for good, and how its attempts ended
 * long after the steps between, to a number of its own; the rest is dropped by number and by age,
 * and one fact in its place says so, with a number above all that it stands for: whoever goes on
 * from a place in the gap meets it.
 *
 * Pure: which facts go, and what is said of them. When is the timeline keeper's.
 */
import { counted } from "../base/counted.ts";
import type { FactKind } from "./facts.ts";

export const TRIMMED = "timeline.trimmed" satisfies FactKind;

/** One of each is there at most, and is never dropped. */
const lastingKinds: readonly FactKind[] = ["session.created", "session.ended"];

/** How attempts ended: a session that flaps for years writes them without an end, too. */
export const outcomeKinds: readonly FactKind[] = ["session.failed", "attempt.ended"];

/** Not dropped with the steps around them. */
export const keptKinds: readonly FactKind[] = [...lastingKinds, ...outcomeKinds];

export interface TrimLaw {
  /** A session's facts beyond its newest so many go. */
  readonly rowsMax: number;
  /** Of those that go, so many newest ends of attempts stay. */
  readonly outcomesMax: number;
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
  readonly byOutcomes: number;
  readonly spared: number;
}

export function isDoomed(
  fact: { readonly seq: number; readonly at: number; readonly kind: string },
  { byRows, byOutcomes, spared }: TrimBounds,
  { beforeAt }: TrimLaw,
): boolean {
  if (outcomeKinds.some((kind) => kind === fact.kind)) return fact.seq <= byOutcomes;
  if (fact.kind === TRIMMED || lastingKinds.some((kind) => kind === fact.kind)) return false;
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
  return {
    text: `${counted(all, "fact")} up to here were dropped; how the last attempts ended is kept`,
    data: { dropped: all, until },
  };
}
