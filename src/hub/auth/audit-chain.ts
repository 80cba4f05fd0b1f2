/**
 * The chain of the audit log: each entry carries the hash of the one before it, so that none can
 * be changed, put in or left out without a trace. Pure; where it is kept is audit-file.ts.
 */
import { createHash } from "node:crypto";

/** What is written down; nothing of it is a secret. */
export interface AuditNote {
  /** Id of the principal, `driver`, or `nobody`. */
  readonly who: string;
  /** Address of the peer, as the socket has it. */
  readonly from: string;
  /** Route or event: `POST /v1/tokens`. */
  readonly what: string;
  /** Id or name that it is about. */
  readonly target: string | null;
  /** `asked` before the effect, `refused CODE` where there is none. */
  readonly outcome: string;
  readonly detail: Readonly<Record<string, unknown>> | null;
}

export interface AuditEntry extends AuditNote {
  readonly n: number;
  /** ISO 8601, of the hub's clock. */
  readonly at: string;
  /** Hash of the entry before; of the first 64 zeros. */
  readonly prev: string;
  /** SHA-256 of all the rest, hex. */
  readonly hash: string;
}

/** Where a chain stands. */
export interface Head {
  readonly n: number;
  readonly hash: string;
}

export const ROOT: Head = { n: 0, hash: "0".repeat(64) };

export function nextEntry(head: Head, at: string, note: AuditNote): AuditEntry {
  const { who, from, what, target, outcome, detail } = note;
  const rest = { n: head.n + 1, at, who, from, what, target, outcome, detail, prev: head.hash };
  return { ...rest, hash: hashOf(rest) };
}

/** The entry of a line whose hash is right; null for any other line. */
export function readEntry(line: string): AuditEntry | null {
  try {
    const { hash, ...rest } = JSON.parse(line) as AuditEntry;
    return hashOf(rest) === hash ? { ...rest, hash } : null;
  } catch {
    // It is no JSON, so it is no entry.
    return null;
  }
}

/** Follows a chain line by line. */
export class ChainReader {
  head: Head = ROOT;

  /** Null when the line goes on with the chain, else the sentence that says how it does not. */
  read(line: string): string | null {
    const entry = readEntry(line);
    const place = `after entry ${this.head.n}`;
    if (entry === null) return `${place} comes a line that was changed`;
    if (entry.n !== this.head.n + 1)
      return `${place} comes ${entry.n}: what was between is missing`;
    if (entry.prev !== this.head.hash) return `${place} comes one of another chain`;
    this.head = { n: entry.n, hash: entry.hash };
    return null;
  }
}

/** Of the text that JSON makes of it: the order of the fields is part of the format. */
function hashOf(rest: Omit<AuditEntry, "hash">): string {
  return createHash("sha256").update(JSON.stringify(rest)).digest("hex");
}
