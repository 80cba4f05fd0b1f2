/**
 * Everything that the page shows, and how it changes: sessions, their health, the event stream,
 * the platform, the selection. Pure; who brings the changes is live.ts.
 */
import type {
  Health,
  HealthBrief,
  HubEvent,
  PlatformReport,
  Session,
} from "../client/api-types.ts";
import type { Action } from "./session-actions.ts";

/** As many as the hub tells at once; a session that flaps for days must not fill the tab. */
const TIMELINE_MAX = 1_000;

/** Health as it was when it came; ages go on from there on this machine's clock. */
export interface Seen<Shown extends HealthBrief> {
  readonly health: Shown;
  readonly receivedAtMs: number;
}
export type SeenHealth = Seen<HealthBrief>;
export type SeenInDepth = Seen<Health>;

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
  /** All of its health. */
  readonly inDepth: SeenInDepth | null;
  /** Of the selected session, oldest first. */
  readonly timeline: readonly HubEvent[];
}

export type Change =
  /** What the hub answered of these sessions, with health. */
  | {
      readonly type: "read";
      readonly sessions: readonly Session[];
      readonly receivedAtMs: number;
    }
  /** There are no sessions but these. */
  | { readonly type: "listed"; readonly ids: ReadonlySet<string> }
  | { readonly type: "session"; readonly session: Session }
  | { readonly type: "inDepth"; readonly id: string; readonly seen: SeenInDepth }
  | {
      readonly type: "unread";
      readonly ids: readonly string[];
      readonly problem: Problem;
    }
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
  inDepth: null,
  timeline: [],
};

export function applyChange(board: Board, change: Change): Board {
  switch (change.type) {
    case "read":
      return withRows(board, change.sessions, (session, row) => {
        const { health } = session;
        const { receivedAtMs } = change;
        const seen = health === undefined ? row.seen : { health, receivedAtMs };
        return { ...row, session, seen, unread: null };
      });
    case "listed":
      return listed(board, change.ids);
    case "session":
      return withRows(board, [change.session], (session, row) => ({ ...row, session }));
    case "inDepth":
      return change.id === board.selected ? { ...board, inDepth: change.seen } : board;
    case "unread": {
      const { problem: unread } = change;
      return change.ids.reduce(
        (now, id) => changeRow(now, id, (row) => ({ ...row, unread })),
        board,
      );
    }
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
      return { ...board, selected: change.id, inDepth: null, timeline: [] };
  }
}

/** A list replaces what was there, but what is known beside it stays. */
function listed(board: Board, ids: ReadonlySet<string>): Board {
  const rows = new Map([...(board.rows ?? [])].filter(([id]) => ids.has(id)));
  const { selected } = board;
  if (selected === null || rows.has(selected)) return { ...board, rows };
  return { ...board, rows, ...nothingOpen };
}

const nothingOpen = { selected: null, inDepth: null, timeline: [] } as const;

/** One copy of the map for any number of rows. */
function withRows(
  board: Board,
  sessions: readonly Session[],
  change: (session: Session, row: Row) => Row,
): Board {
  const rows = new Map(board.rows ?? []);
  for (const session of sessions) {
    rows.set(session.id, change(session, rows.get(session.id) ?? newRow(session)));
  }
  return { ...board, rows };
}

function newRow(session: Session): Row {
  return { session, seen: null, unread: null, asking: null, problem: null };
}

function changeRow(board: Board, id: string, change: (row: Row) => Row): Board {
  const row = board.rows?.get(id);
  if (row === undefined) return board;
  return { ...board, rows: new Map(board.rows ?? []).set(id, change(row)) };
}

function withoutRow(board: Board, id: string): Board {
  if (board.rows?.has(id) !== true) return board;
  const rows = new Map(board.rows);
  rows.delete(id);
  const rest = { ...board, rows };
  return board.selected === id ? { ...rest, ...nothingOpen } : rest;
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
