/**
 * Everything that the page shows, and how it changes: sessions, their health, the event stream,
 * the platform, the selection. Pure; who brings the changes is live.ts.
 */
import type { Health, HubEvent, PlatformReport, Session } from "../client/api-types.ts";
import type { Action } from "./session-actions.ts";

/** As many as the hub tells at once; a session that flaps for days must not fill the tab. */
const TIMELINE_MAX = 1_000;

/** Health as it was when it came; ages go on from there on this machine's clock. */
export interface SeenHealth {
  readonly health: Health;
  readonly receivedAtMs: number;
}

export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export interface Row {
  readonly session: Session;
  readonly seen: SeenHealth | null;
  /** Why the last try to read its health failed; null when it worked. */
  readonly unread: Problem | null;
  /** The request that is under way. */
  readonly asking: Action | null;
  /** Why the last request of this page was refused. */
  readonly problem: Problem | null;
}

export type StreamState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "lost"; readonly sinceMs: number; readonly why: string };

export interface Board {
  /** Null until the first list came. */
  readonly rows: ReadonlyMap<string, Row> | null;
  readonly stream: StreamState;
  readonly platform: PlatformReport | null;
  /** Id of the session whose details are open. */
  readonly selected: string | null;
  /** Of the selected session, oldest first. */
  readonly timeline: readonly HubEvent[];
}

export type Change =
  | { readonly type: "listed"; readonly sessions: readonly Session[] }
  | { readonly type: "session"; readonly session: Session }
  | { readonly type: "health"; readonly id: string; readonly seen: SeenHealth }
  | { readonly type: "unread"; readonly id: string; readonly problem: Problem }
  | { readonly type: "gone"; readonly id: string }
  | { readonly type: "event"; readonly event: HubEvent }
  | { readonly type: "timeline"; readonly id: string; readonly events: readonly HubEvent[] }
  | { readonly type: "stream"; readonly stream: StreamState }
  | { readonly type: "platform"; readonly platform: PlatformReport }
  | { readonly type: "asked"; readonly id: string; readonly action: Action }
  | { readonly type: "answered"; readonly id: string; readonly problem: Problem | null }
  | { readonly type: "selected"; readonly id: string | null };

export const emptyBoard: Board = {
  rows: null,
  stream: { kind: "connecting" },
  platform: null,
  selected: null,
  timeline: [],
};

export function applyChange(board: Board, change: Change): Board {
  switch (change.type) {
    case "listed":
      return { ...board, rows: listed(board.rows, change.sessions) };
    case "session": {
      const { session } = change;
      const row = board.rows?.get(session.id);
      return withRow(board, session.id, row === undefined ? newRow(session) : { ...row, session });
    }
    case "health":
      return changeRow(board, change.id, (row) => ({
        ...row,
        seen: change.seen,
        unread: null,
      }));
    case "unread":
      return changeRow(board, change.id, (row) => ({ ...row, unread: change.problem }));
    case "gone":
      return withoutRow(board, change.id);
    case "event":
      return { ...board, timeline: addEvents(board, change.event.session, [change.event]) };
    case "timeline":
      return { ...board, timeline: addEvents(board, change.id, change.events) };
    case "stream":
      return { ...board, stream: keepSince(board.stream, change.stream) };
    case "platform":
      return { ...board, platform: change.platform };
    case "asked":
      return changeRow(board, change.id, (row) => ({
        ...row,
        asking: change.action,
        problem: null,
      }));
    case "answered":
      return changeRow(board, change.id, (row) => ({
        ...row,
        asking: null,
        problem: change.problem,
      }));
    case "selected":
      if (change.id === board.selected) return board;
      return { ...board, selected: change.id, timeline: [] };
  }
}

/** Newest first, and in an order that does not move while someone reads. */
export function shownRows(board: Board, filter: string): readonly Row[] {
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const matches = ({ session, seen }: Row): boolean => {
    const { name, state, id, sandboxId, lastError } = session;
    const codes = [lastError?.code, lastError?.diagnosis, seen?.health.verdict.code];
    const text = [name, state, id, sandboxId, ...codes].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  };
  return [...(board.rows?.values() ?? [])]
    .filter(matches)
    .sort(
      (a, b) =>
        b.session.createdAt.localeCompare(a.session.createdAt) ||
        a.session.id.localeCompare(b.session.id),
    );
}

export type StateCounts = readonly (readonly [Session["state"], number])[];

/** How many sessions are in each state, those that need a person first. */
export function countStates(board: Board): StateCounts {
  const order: readonly Session["state"][] = [
    "error",
    "creating",
    "resuming",
    "nudging",
    "connected",
    "suspended",
    "ended",
  ];
  const rows = [...(board.rows?.values() ?? [])];
  return order
    .map((state) => [state, rows.filter((row) => row.session.state === state).length] as const)
    .filter(([, count]) => count > 0);
}

function newRow(session: Session): Row {
  return { session, seen: null, unread: null, asking: null, problem: null };
}

/** A list replaces what was there, but what is known beside it stays. */
function listed(before: Board["rows"], sessions: readonly Session[]): ReadonlyMap<string, Row> {
  return new Map(
    sessions.map((session) => {
      const row = before?.get(session.id);
      return [session.id, row === undefined ? newRow(session) : { ...row, session }];
    }),
  );
}

function changeRow(board: Board, id: string, change: (row: Row) => Row): Board {
  const row = board.rows?.get(id);
  return row === undefined ? board : withRow(board, id, change(row));
}

function withRow(board: Board, id: string, row: Row): Board {
  return { ...board, rows: new Map(board.rows ?? []).set(id, row) };
}

function withoutRow(board: Board, id: string): Board {
  if (board.rows?.has(id) !== true) return board;
  const rows = new Map(board.rows);
  rows.delete(id);
  const rest = { ...board, rows };
  return board.selected === id ? { ...rest, selected: null, timeline: [] } : rest;
}

/** History and live events overlap; each number is there once, in order. */
function addEvents(
  board: Board,
  session: string | null,
  events: readonly HubEvent[],
): readonly HubEvent[] {
  if (session === null || session !== board.selected) return board.timeline;
  const last = board.timeline.at(-1)?.seq ?? 0;
  const first = events[0]?.seq ?? 0;
  if (events.length === 0) return board.timeline;
  if (first > last) return [...board.timeline, ...events].slice(-TIMELINE_MAX);
  const bySeq = new Map([...board.timeline, ...events].map((event) => [event.seq, event]));
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq).slice(-TIMELINE_MAX);
}

/** A stream that stays lost keeps the time of its loss through all failed redials. */
function keepSince(before: StreamState, now: StreamState): StreamState {
  if (before.kind !== "lost" || now.kind === "live") return now;
  return { ...before, why: now.kind === "lost" ? now.why : before.why };
}
