import { describe, expect, test } from "vitest";
import type { Session, TimelinePage } from "../../src/client/api-types.ts";
import { createBoardStore } from "../../src/web/board-store.ts";
import { applyChange, emptyBoard, type Board, type Change } from "../../src/web/board.ts";
import { countRows, shownRows } from "../../src/web/shown-rows.ts";
import { sampleBrief, sampleEvent, sampleHealth, sampleSession } from "./sample-session.ts";

const after = (...changes: Change[]): Board => changes.reduce(applyChange, emptyBoard);
const a = sampleSession();
const b = sampleSession({ id: "ses_b", name: "other", createdAt: "2026-01-01T11:00:00.000Z" });
const read = (...sessions: Session[]): Change => ({ type: "read", sessions, receivedAtMs: 1 });
const listed = read(a, b);
const seen = { health: sampleBrief(), receivedAtMs: 1 };
/** What the hub answers when it is asked about a again. */
const again = read({ ...a, health: seen.health });

describe("rows", () => {
  test("a new list keeps what is known beside it and drops what is gone", () => {
    const asked: Change = { type: "asked", id: "ses_a", action: "pause" };
    const only: Change = { type: "listed", ids: new Set(["ses_a"]) };
    const board = after(listed, again, asked, read({ ...a, epoch: 2 }), only);
    expect([...(board.rows?.keys() ?? [])]).toEqual(["ses_a"]);
    expect(board.rows?.get("ses_a")).toMatchObject({
      session: { epoch: 2 },
      seen,
      asking: "pause",
    });
  });

  test("a list without sessions is known to be empty", () => {
    expect(emptyBoard.rows).toBeNull();
    expect(after({ type: "listed", ids: new Set() }).rows?.size).toBe(0);
  });

  test("a change of one row leaves the others the same object", () => {
    const before = after(listed);
    const board = applyChange(before, again);
    expect(board.rows?.get("ses_b")).toBe(before.rows?.get("ses_b"));
    expect(board.rows?.get("ses_a")).not.toBe(before.rows?.get("ses_a"));
  });

  test("a request is under way until it is answered, and a refusal stays to be read", () => {
    const problem = { code: "StateConflict", message: "cannot", hint: "wait" };
    const asking = after(listed, { type: "asked", id: "ses_a", action: "pause" });
    expect(asking.rows?.get("ses_a")?.asking).toBe("pause");
    const answered = applyChange(asking, { type: "answered", id: "ses_a", problem });
    expect(answered.rows?.get("ses_a")).toMatchObject({ asking: null, problem });
    const twice = applyChange(answered, { type: "asked", id: "ses_a", action: "pause" });
    expect(twice.rows?.get("ses_a")?.problem).toBeNull();
  });

  test("health that can be read again clears why it could not", () => {
    const problem = { code: "Internal", message: "broke", hint: "" };
    const unread = after(listed, { type: "unread", ids: ["ses_a", "ses_x"], problem });
    expect(unread.rows?.get("ses_a")?.unread).toEqual(problem);
    expect(unread.rows?.size).toBe(2);
    expect(applyChange(unread, again).rows?.get("ses_a")?.unread).toBeNull();
  });

  test("newest first, filtered by all words, over name, state and ids", () => {
    const board = after(listed);
    expect(shownRows(board, "").map((row) => row.session.name)).toEqual(["other", "demo"]);
    expect(shownRows(board, "DEMO connected").map((row) => row.session.id)).toEqual(["ses_a"]);
    expect(shownRows(board, "demo error")).toEqual([]);
    const verdict = { code: "DriverAbsent", text: "no driver" };
    const disagreement = "the platform says started, but no driver is connected";
    const health = sampleBrief({ verdict, disagreement });
    const told = applyChange(board, read({ ...b, health }));
    for (const filter of ["driverabsent", "disagreeing", "Disagreeing other"]) {
      expect(shownRows(told, filter).map((row) => row.session.id)).toEqual(["ses_b"]);
    }
  });

  test("counts only states that there are, those that need a person first", () => {
    const error = { ...b, state: "error" as const };
    const health = sampleBrief({ disagreement: "they do not agree" });
    expect(countRows(after(read({ ...a, health }, error)))).toEqual([
      ["error", 1],
      ["disagreeing", 1],
      ["connected", 1],
    ]);
  });
});

describe("the open session", () => {
  const open = after(listed, { type: "selected", id: "ses_a" });

  test("hears its own events only", () => {
    const board = [sampleEvent(5), sampleEvent(6, { session: "ses_b" })]
      .map((event) => ({ type: "event" as const, event }))
      .reduce<Board>(applyChange, open);
    expect(seqs(board)).toEqual([5]);
  });

  test("history that comes after live events overlaps them without doubles", () => {
    const board = [
      { type: "event", event: sampleEvent(7) } as const,
      { type: "timeline", id: "ses_a", page: pageOf(5, 7) } as const,
      { type: "event", event: sampleEvent(8) } as const,
    ].reduce<Board>(applyChange, open);
    expect(seqs(board)).toEqual([5, 6, 7, 8]);
  });

  test("a late history of another session is not mixed in", () => {
    expect(applyChange(open, { type: "timeline", id: "ses_b", page: pageOf(3, 4) })).toBe(open);
  });

  test("a history without end keeps its newest thousand, and knows where the rest begins", () => {
    const events = Array.from({ length: 1_500 }, (_, seq) => sampleEvent(seq + 1));
    const board = events
      .map((event) => ({ type: "event" as const, event }))
      .reduce<Board>(applyChange, open);
    expect([seqs(board).length, seqs(board)[0], board.story.earlier]).toEqual([1_000, 501, "501"]);
  });

  test("pages that were asked for stay, and the cursor is that of the oldest", () => {
    const pages = [pageOf(901, 1_900, "901"), pageOf(1, 900)];
    const both = pages
      .map((page) => ({ type: "timeline" as const, id: "ses_a", page }))
      .reduce<Board>(applyChange, open);
    expect([seqs(both).length, both.story.earlier]).toEqual([1_900, null]);
    const late = applyChange(both, {
      type: "timeline",
      id: "ses_a",
      page: pages[0] ?? pageOf(1, 1),
    });
    expect(late.story.earlier).toBeNull();
    const more = applyChange(both, { type: "event", event: sampleEvent(1_901) });
    expect([seqs(more).length, seqs(more)[0], more.story.earlier]).toEqual([1_900, 2, "2"]);
  });

  test("shows all of its own health, and none that comes late for another", () => {
    const whole = { health: sampleHealth(), receivedAtMs: 1 };
    expect(applyChange(open, { type: "inDepth", id: "ses_b", seen: whole })).toBe(open);
    const board = applyChange(open, { type: "inDepth", id: "ses_a", seen: whole });
    expect(board.inDepth).toBe(whole);
    expect(applyChange(board, { type: "selected", id: "ses_b" }).inDepth).toBeNull();
  });

  test("closes when the session is gone", () => {
    const board = applyChange(open, { type: "gone", id: "ses_a" });
    expect([board.selected, board.rows?.size]).toEqual([null, 1]);
    const listedAnew = applyChange(open, { type: "listed", ids: new Set(["ses_b"]) });
    expect([listedAnew.selected, listedAnew.rows?.size]).toEqual([null, 1]);
  });
});

test("a stream that stays lost keeps the time of its loss", () => {
  const lost = (sinceMs: number): Change => ({
    type: "stream",
    stream: { kind: "lost", sinceMs, why: `at ${sinceMs}` },
  });
  expect(after(lost(10), lost(20)).stream).toEqual({ kind: "lost", sinceMs: 10, why: "at 20" });
  const live: Change = { type: "stream", stream: { kind: "live" } };
  expect(after(lost(10), live, lost(20)).stream).toMatchObject({ sinceMs: 20 });
});

test("a burst of changes costs one frame, and nothing costs none", () => {
  const frames: (() => void)[] = [];
  const store = createBoardStore((fn) => frames.push(fn));
  let told = 0;
  store.subscribe(() => (told += 1));
  store.apply({ type: "gone", id: "ses_x" });
  expect(frames).toHaveLength(0);
  for (let i = 0; i < 50; i++) store.apply(listed);
  expect(frames).toHaveLength(1);
  frames[0]?.();
  expect(told).toBe(1);
  store.apply(listed);
  expect(frames).toHaveLength(2);
});

const seqs = ({ story }: Board): number[] => story.events.map(({ seq }) => seq);

const pageOf = (from: number, to: number, nextCursor: string | null = null): TimelinePage => ({
  items: Array.from({ length: to - from + 1 }, (_, at) => sampleEvent(from + at)),
  nextCursor,
});
