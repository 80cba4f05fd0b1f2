/**
 * What the sandboxes of one session have cost so far, in sandbox-milliseconds, as part of the fold
 * of its facts: each fact settles the time since the one before it. So nothing is written for the
 * sake of counting, and a hub that was down has missed nothing. Pure.
 */
import type { SessionRecord } from "./facts.ts";

export interface SandboxCost {
  /** Wall ms up to which it is settled. */
  readonly at: number;
  /** The session had it and it was not suspended. */
  readonly ownedMs: number;
  /** The session had it, suspended on purpose. */
  readonly suspendedMs: number;
  /** Given up, and not known to be gone. */
  readonly orphanedMs: number;
  /** Replaced and kept, because it may hold unsaved work. */
  readonly quarantinedMs: number;
  /** Sandboxes that were given up and are known to be gone. */
  readonly cleaned: number;
}

/** What is summed, in the order of PostgreSQL's column. */
export const COST_KEYS = [
  "ownedMs",
  "suspendedMs",
  "orphanedMs",
  "quarantinedMs",
  "cleaned",
] as const satisfies readonly (keyof SandboxCost)[];

export function noCost(at: number): SandboxCost {
  return { at, ownedMs: 0, suspendedMs: 0, orphanedMs: 0, quarantinedMs: 0, cleaned: 0 };
}

/** The cost as it is at `at`, while nothing about the session's sandboxes changes. */
export function costAt(record: SessionRecord, at: number): SandboxCost {
  const { cost, litter, quarantine, detail } = record;
  // A clock that was set back gives time for nothing, and takes none away.
  const passedMs = Math.max(0, at - cost.at);
  // What its session has been removed from belongs to nobody, for as long as it is not gone.
  const left = isLeft(record);
  const has = hasSandbox(record) && !left;
  const rests = detail === "suspended.paused";
  const kept = detail === "ended.gone" ? 0 : 1;
  return {
    ...cost,
    at: Math.max(at, cost.at),
    ownedMs: cost.ownedMs + (has && !rests ? passedMs : 0),
    suspendedMs: cost.suspendedMs + (has && rests ? passedMs : 0),
    orphanedMs: cost.orphanedMs + passedMs * (litter.length * kept + (left ? 1 : 0)),
    quarantinedMs: cost.quarantinedMs + passedMs * quarantine.length * kept,
  };
}

/** The cost after a fact: what the old record cost until then, and what the fact says is gone. */
export function costAfter(before: SessionRecord, after: SessionRecord, at: number): SandboxCost {
  const settled = costAt(before, at);
  const gone = (ofRecord: (record: SessionRecord) => readonly unknown[]): number =>
    Math.max(0, ofRecord(before).length - ofRecord(after).length);
  const cleaned = gone(({ litter }) => litter) + gone(({ quarantine }) => quarantine);
  return cleaned === 0 ? settled : { ...settled, cleaned: settled.cleaned + cleaned };
}

export function addCosts(a: SandboxCost, b: SandboxCost): SandboxCost {
  return {
    at: Math.max(a.at, b.at),
    ownedMs: a.ownedMs + b.ownedMs,
    suspendedMs: a.suspendedMs + b.suspendedMs,
    orphanedMs: a.orphanedMs + b.orphanedMs,
    quarantinedMs: a.quarantinedMs + b.quarantinedMs,
    cleaned: a.cleaned + b.cleaned,
  };
}

/** It is there, and its session was removed: the platform has yet to delete it. */
export function isLeft(record: SessionRecord): boolean {
  return record.state === "ended" && hasSandbox(record);
}

/** There is one now, as far as is known. */
export function hasSandbox({ sandboxId, detail, fault }: SessionRecord): boolean {
  return sandboxId !== null && detail !== "ended.gone" && fault?.code !== "SandboxGone";
}
