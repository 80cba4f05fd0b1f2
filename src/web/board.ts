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
  TimelinePage,
} from "../client/api-types.ts";
import type { Action } from "./session-actions.ts";

/** As many as the hub tells at once; a session that flaps for days must not fill the tab. */
const TIMELINE_MAX = 1_000;

/** What is loaded of a timeline. */
export interface Story {
  /** Oldest first. */
  readonly events: readonly HubEvent[];
  /** `cursor` of the page before them; null when there is none, or nothing was loaded yet. */
  readonly earlier: string | null;
}

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
  /** Why the last try to read it failed; null when it worked. */
  readonly platformUnread: Problem | null;
  /** Id of the session whose details are open. */
  readonly selected: string | null;
  /** All of its health. */
  readonly inDepth: SeenInDepth | null;
  /** Of the selected session. */
  readonly story: Story;
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
  | { readonly type: "timeline"; readonly id: string; readonly page: TimelinePage }
  | { readonly type: "stream"; readonly stream: StreamState }
  | { readonly type: "platform"; readonly platform: PlatformReport }
  | { readonly type: "platformUnread"; readonly problem: Problem }
  | { readonly type: "asked"; readonly id: string; readonly action: Action }
  | { readonly type: "answered"; readonly id: string; readonly problem: Problem | null }
  | { readonly type: "selected"; readonly id: string | null };

const noStory: Story = { events: [], earlier: null };

export const emptyBoard: Board = {
  rows: null,
  stream: { kind: "connecting" },
  platform: null,
  platformUnread: null,
  selected: null,
  inDepth: null,
  story: noStory,
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
      return happened(board, change.event);
    case "timeline":
      if (change.id !== board.selected) return board;
      return { ...board, story: withPage(board.story, change.page) };
    case "stream":
      return { ...board, stream: keepSince(board.stream, change.stream) };
    case "platform":
      return { ...board, platform: change.platform, platformUnread: null };
    case "platformUnread":
      return { ...board, platformUnread: change.problem };
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
      return { ...board, selected: change.id, inDepth: null, story: noStory };
  }
}

/** A list replaces what was there, but what is known beside it stays. */
function listed(board: Board, ids: ReadonlySet<string>): Board {
  const rows = new Map([...(board.rows ?? [])].filter(([id]) => ids.has(id)));
  const { selected } = board;
  if (selected === null || rows.has(selected)) return { ...board, rows };
  return { ...board, rows, ...nothingOpen };
}

const nothingOpen = { selected: null, inDepth: null, story: noStory } as const;

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

/** Never more than a page, or than somebody has asked for: the oldest go, and can come again. */
function happened(board: Board, event: HubEvent): Board {
  const { events, earlier } = board.story;
  if (event.session === null || event.session !== board.selected) return board;
  if (event.seq <= (events.at(-1)?.seq ?? 0)) return board;
  const kept = [...events, event].slice(-Math.max(TIMELINE_MAX, events.length));
  const [oldest] = kept;
  const isCut = events[0] !== undefined && oldest !== events[0];
  const cursor = isCut && oldest !== undefined ? String(oldest.seq) : earlier;
  return { ...board, story: { events: kept, earlier: cursor } };
}

/** Pages and live events overlap; each number is there once, in order. */
function withPage({ events, earlier }: Story, page: TimelinePage): Story {
  const bySeq = new Map([...events, ...page.items].map((event) => [event.seq, event]));
  const isOldest = (page.items[0]?.seq ?? 0) <= (events[0]?.seq ?? Infinity);
  return {
    events: [...bySeq.values()].sort((a, b) => a.seq - b.seq),
    earlier: isOldest ? page.nextCursor : earlier,
  };
}

/** A stream that stays lost keeps the time of its loss through all failed redials. */
function keepSince(before: StreamState, now: StreamState): StreamState {
  if (before.kind !== "lost" || now.kind === "live") return now;
  return { ...before, why: now.kind === "lost" ? now.why : before.why };
}
