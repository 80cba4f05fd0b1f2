/**
 * Which rows stand on the page, and how many there are of each kind. Pure, and quick for thousands:
 * it runs at every key in the filter and after every answer of the hub.
 */
import type { SessionState } from "../client/api-types.ts";
import type { Board, Row } from "./board.ts";

/** What the filter finds sessions by whose claim and evidence contradict each other. */
const DISAGREES = "disagreeing";

/** Newest first, and in an order that does not move while someone reads. */
export function shownRows({ rows }: Board, filter: string): readonly Row[] {
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const all = [...(rows?.values() ?? [])];
  const shown = words.length === 0 ? all : all.filter((row) => matches(row, words));
  return shown.sort(byAge);
}

function byAge({ session: a }: Row, { session: b }: Row): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? 1 : -1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

function matches(row: Row, words: readonly string[]): boolean {
  const text = textOf(row);
  return words.every((word) => text.includes(word));
}

/** A row that did not change is not written down again. */
const texts = new WeakMap<Row, string>();

function textOf(row: Row): string {
  const known = texts.get(row);
  if (known !== undefined) return known;
  const { name, state, id, sandboxId, lastError } = row.session;
  const { verdict, status, disagreement } = row.seen?.health ?? {};
  const codes = [lastError?.code, lastError?.diagnosis, verdict?.code, status];
  const said = typeof disagreement === "string" ? DISAGREES : "";
  const text = [name, state, id, sandboxId, ...codes, said].join(" ").toLowerCase();
  texts.set(row, text);
  return text;
}

/** A word that finds them, and how many there are. */
export type Count = readonly [word: SessionState | typeof DISAGREES, count: number];

/** Those that need a person first. */
const ORDER: readonly Count[0][] = [
  "error",
  DISAGREES,
  "creating",
  "resuming",
  "nudging",
  "connected",
  "suspended",
  "ended",
];

export function countRows({ rows }: Board): readonly Count[] {
  const counts = new Map<Count[0], number>();
  const add = (word: Count[0]): void => void counts.set(word, (counts.get(word) ?? 0) + 1);
  for (const { session, seen } of rows?.values() ?? []) {
    add(session.state);
    if (typeof seen?.health.disagreement === "string") add(DISAGREES);
  }
  return ORDER.map((word) => [word, counts.get(word) ?? 0] as const).filter(
    ([, count]) => count > 0,
  );
}
