/**
 * What a sandbox that the platform lists is to this hub: in use, protected, or to be deleted. Pure:
 * a listing and the owner's record go in, one word comes out. When to act on it is the janitor's.
 */
import type { ListedSandbox } from "../providers/provider.ts";
import { sandboxNumberOf, type Quarantined, type SessionRecord } from "../store/facts.ts";
import { LABELS } from "./labels.ts";

/** The same checks as a session's own, from create to delete, take seconds: this is a leftover. */
export const CONTROL_AGE_MAX_MS = 10 * 60_000;

export type Standing =
  /** A session has it or asks for it. */
  | "current"
  /** Replaced, and kept because it may hold unsaved work. */
  | "quarantined"
  /** Its time in quarantine is over. */
  | "expired"
  /** A session that this store knows gave it up, or was removed. */
  | "orphan"
  /** Nobody's, but so new that a record may follow. */
  | "young"
  | "control"
  | "control-leftover"
  /** Of another hub, of a session that this store never had, or newer than what it asked for. */
  | "foreign";

/** What the janitor deletes once two looks agree. */
export const DOOMED: readonly Standing[] = ["expired", "orphan", "control-leftover"];

export interface Sighting {
  readonly hubId: string;
  /** The record of the session that the label names; removed sessions have theirs, too. */
  readonly owner: SessionRecord | null;
  /** Wall ms. */
  readonly now: number;
  /** For how long it has been listed, by a clock that never jumps. */
  readonly seenForMs: number;
  /** A create may still be under way for this long. */
  readonly youngMs: number;
}

export function standingOf(listed: ListedSandbox, sighting: Sighting): Standing {
  const { labels, createdAt } = listed;
  const { hubId, owner, now, seenForMs, youngMs } = sighting;
  if (labels[LABELS.hub] !== hubId) return "foreign";
  if (labels[LABELS.control] !== undefined) {
    const ageMs = Math.max(seenForMs, now - (createdAt ?? now));
    return ageMs < CONTROL_AGE_MAX_MS ? "control" : "control-leftover";
  }
  if (owner === null) return "foreign";
  const number = sandboxNumberOf(owner.id, listed.name);
  const asked = sandboxNumberOf(owner.id, owner.sandboxName) ?? 0;
  // A store that was restored from a backup does not know what its session did later.
  if (number !== null && number > asked) return "foreign";
  if (owner.detail === "ended.gone") return "orphan";
  if (isCurrent(listed, owner)) return "current";
  const kept = owner.quarantine.find((one) => isSame(listed, one));
  if (kept !== undefined) return now < kept.until ? "quarantined" : "expired";
  // Names are never asked for twice: an older number was given up for certain.
  if (number !== null && number < asked) return "orphan";
  return seenForMs < youngMs ? "young" : "orphan";
}

/** By name while there is no id: a create that is under way brings it later. */
function isCurrent(listed: ListedSandbox, owner: SessionRecord): boolean {
  const { sandboxId, sandboxName } = owner;
  return sandboxId === null ? listed.name === sandboxName : listed.sandboxId === sandboxId;
}

export function isSame(listed: ListedSandbox, kept: Quarantined): boolean {
  return kept.sandboxId === null
    ? listed.name === kept.sandboxName
    : listed.sandboxId === kept.sandboxId;
}
