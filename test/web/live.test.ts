import { describe, expect, test } from "vitest";
import type { Api, SessionQuery } from "../../src/client/api.ts";
import type { HubEvent, PlatformReport, Session, SessionPage } from "../../src/client/api-types.ts";
import { HubError } from "../../src/base/hub-error.ts";
import { seededRandom } from "../../src/base/random.ts";
import { createBoardStore } from "../../src/web/board-store.ts";
import { startLive } from "../../src/web/live.ts";
import { settled, TestClock } from "../support/test-clock.ts";
import { sampleBrief, sampleEvent, sampleHealth, sampleSession } from "./sample-session.ts";

/** A hub in memory whose event stream breaks and falls silent on request. */
class ScriptedHub {
  sessions: Session[] = [sampleSession()];
  seq = 10;
  /** What each opened stream was asked to begin after. */
  readonly openedAfter: number[] = [];
  /** The ids of each request for some sessions. */
  readonly asked: (readonly string[])[] = [];
  readonly inDepthAsked: string[] = [];
  fault: HubError | null = null;
  platformAsked = 0;
  #feed: ((what: HubEvent | Error) => void) | null = null;
  #alive: () => void = () => undefined;

  readonly api = {
    sessions: async (query: SessionQuery) => this.#answer(this.#page(query)),
    health: async (id: string) => {
      this.inDepthAsked.push(id);
      return this.#answer(sampleHealth({ session: id }));
    },
    timelinePage: async () => this.#answer({ items: [], nextCursor: null }),
    platform: async () => {
      this.platformAsked += 1;
      return this.#answer({ platform: "local" } as PlatformReport);
    },
    events: (options: Parameters<Api["events"]>[0]) => this.#events(options),
  } as unknown as Api;

  tell(event: HubEvent): void {
    this.seq = event.seq;
    this.#feed?.(event);
  }

  beat(): void {
    this.#alive();
  }

  breakStream(error = new HubError("HubUnreachable", "the hub went away")): void {
    this.#feed?.(error);
  }

  #page({ id, limit = 100, cursor = "0", health }: SessionQuery): SessionPage {
    if (id !== undefined) this.asked.push(id);
    const wanted = this.sessions.filter((session) => id === undefined || id.includes(session.id));
    const begin = Number(cursor);
    const items = wanted.slice(begin, begin + limit).map((session) => ({
      ...session,
      ...(health === true ? { health: sampleBrief() } : {}),
    }));
    const end = begin + limit;
    const nextCursor = end < wanted.length ? String(end) : null;
    return { items, nextCursor, eventSeq: this.seq };
  }

  #answer<T>(answer: T): T {
    if (this.fault !== null) throw this.fault;
    return answer;
  }

  async *#events(options: Parameters<Api["events"]>[0]): AsyncGenerator<HubEvent, void, undefined> {
    this.openedAfter.push(options.after ?? -1);
    this.#alive = () => options.onAlive?.();
    this.#alive();
    const ended = new Promise<null>((resolve) => {
      options.signal.addEventListener("abort", () => resolve(null));
    });
    for (;;) {
      const next = new Promise<HubEvent | Error>((resolve) => (this.#feed = resolve));
      const what = await Promise.race([next, ended]);
      if (what === null) return;
      if (what instanceof Error) await options.onLost(what);
      else yield what;
    }
  }
}

function open(hub = new ScriptedHub(), toldOfHub = true) {
  const clock = new TestClock();
  const store = createBoardStore((fn) => fn());
  const refused: string[] = [];
  const view = { visible: true };
  const live = startLive({
    api: hub.api,
    store,
    clock,
    random: seededRandom("live"),
    onRefused: (error) => refused.push(error.code),
    isVisible: () => view.visible,
    toldOfHub,
  });
  return { hub, clock, store, live, refused, view, row: () => store.board.rows?.get("ses_a") };
}

describe("the page and the hub", () => {
  test("list, health and stream are there after the first turn", async () => {
    const { hub, store, row, live } = open();
    await settled();
    expect(store.board.stream.kind).toBe("live");
    expect(row()?.seen?.health.verdict.code).toBe("Connected");
    expect(hub.openedAfter).toEqual([10]);
    live.stop();
  });

  test("an event brings the session's new state and health at once", async () => {
    const { hub, row, live } = open();
    await settled();
    hub.sessions = [sampleSession({ state: "suspended", detail: "suspended.paused" })];
    hub.tell(sampleEvent(11));
    await settled();
    expect(row()?.session.state).toBe("suspended");
    expect(hub.asked).toEqual([["ses_a"]]);
    live.stop();
  });

  test("a session that someone else made appears by its event", async () => {
    const { hub, store, live } = open();
    await settled();
    hub.sessions.push(sampleSession({ id: "ses_b", name: "new-one" }));
    hub.tell(sampleEvent(11, { session: "ses_b" }));
    await settled();
    expect(store.board.rows?.get("ses_b")?.session.name).toBe("new-one");
    live.stop();
  });

  test("a broken stream is told with its age and taken up after the last event", async () => {
    const { hub, clock, store, live } = open();
    await settled();
    hub.tell(sampleEvent(11));
    await settled();
    hub.breakStream();
    hub.fault = new HubError("HubUnreachable", "no hub answers");
    await settled();
    const lostAtMs = clock.now();
    expect(store.board.stream).toMatchObject({ kind: "lost", sinceMs: lostAtMs });
    await clock.advanceAsync(20_000);
    expect(store.board.stream).toMatchObject({ kind: "lost", sinceMs: lostAtMs });
    hub.fault = null;
    hub.seq = 14;
    await clock.advanceAsync(5_000);
    expect(store.board.stream.kind).toBe("live");
    expect(hub.openedAfter).toEqual([10, 11]);
    live.stop();
  });

  test("a hub with a fresh store is followed from its own numbers", async () => {
    const { hub, clock, live } = open();
    await settled();
    hub.tell(sampleEvent(90));
    await settled();
    hub.seq = 3;
    hub.breakStream();
    await clock.advanceAsync(5_000);
    expect(hub.openedAfter).toEqual([10, 3]);
    live.stop();
  });

  test("a stream without heartbeat is given up although nothing closed it", async () => {
    const { hub, clock, store, live } = open();
    await settled();
    await clock.advanceAsync(30_000);
    hub.beat();
    await clock.advanceAsync(30_000);
    expect(hub.openedAfter).toHaveLength(1);
    await clock.advanceAsync(6_000);
    expect(hub.openedAfter.length).toBeGreaterThan(1);
    expect(store.board.stream.kind).toBe("live");
    live.stop();
  });

  test("evidence is asked for every 5 s, and not while nobody looks", async () => {
    const { hub, clock, view, live } = open();
    await settled();
    await clock.advanceAsync(15_000);
    expect(hub.asked).toEqual([["ses_a"], ["ses_a"], ["ses_a"]]);
    view.visible = false;
    await clock.advanceAsync(15_000);
    expect(hub.asked).toHaveLength(3);
    live.stop();
  });

  test("of thousands, those in view are asked about each time, the others in turn", async () => {
    const hub = new ScriptedHub();
    hub.sessions = Array.from({ length: 1_000 }, (_, n) => sampleSession({ id: `ses_${n}` }));
    const { clock, store, live } = open(hub);
    await settled();
    expect(store.board.rows?.size).toBe(1_000);
    live.look(["ses_7", "ses_8"]);
    await clock.advanceAsync(30_000);
    expect(hub.asked).toHaveLength(6);
    for (const ids of hub.asked) {
      expect(ids).toEqual(expect.arrayContaining(["ses_7", "ses_8"]));
      expect(ids.length).toBeLessThanOrEqual(200);
    }
    expect(new Set(hub.asked.flat()).size).toBe(1_000);
    live.stop();
  });

  test("a burst of events is a few requests, and all of them are heard", async () => {
    const hub = new ScriptedHub();
    hub.sessions = Array.from({ length: 100 }, (_, n) => sampleSession({ id: `ses_${n}` }));
    const { clock, store, live } = open(hub);
    await settled();
    hub.sessions = hub.sessions.map((session) => ({ ...session, state: "error" }));
    for (let n = 0; n < 100; n++) {
      hub.tell(sampleEvent(11 + n, { session: `ses_${n}` }));
      await settled();
    }
    await clock.advanceAsync(1_000);
    const states = [...(store.board.rows?.values() ?? [])].map(({ session }) => session.state);
    expect(states.filter((state) => state === "error")).toHaveLength(100);
    expect(hub.asked.length).toBeLessThan(4);
    live.stop();
  });

  test("the open session is looked at in depth, by events and every 5 s", async () => {
    const { hub, clock, store, live } = open();
    await settled();
    store.apply({ type: "selected", id: "ses_a" });
    live.loadInDepth("ses_a");
    await settled();
    expect(store.board.inDepth?.health.session).toBe("ses_a");
    await clock.advanceAsync(5_100);
    hub.tell(sampleEvent(11));
    await settled();
    expect(hub.inDepthAsked).toHaveLength(3);
    store.apply({ type: "selected", id: null });
    await clock.advanceAsync(20_000);
    expect(hub.inDepthAsked).toHaveLength(3);
    live.stop();
  });

  test("a removed session says farewell and goes", async () => {
    const { hub, clock, store, row, live } = open();
    await settled();
    hub.sessions = [];
    hub.tell(sampleEvent(11, { kind: "session.ended" }));
    await settled();
    expect(row()?.session.state).toBe("ended");
    await clock.advanceAsync(4_000);
    expect(store.board.rows?.size).toBe(0);
    live.stop();
  });

  test("a token that the hub does not know ends everything once", async () => {
    const hub = new ScriptedHub();
    hub.fault = new HubError("Unauthenticated", "not this hub's");
    const { clock, refused } = open(hub);
    await clock.advanceAsync(60_000);
    expect(refused).toEqual(["Unauthenticated"]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("[AU19] whoever is not told of the hub is not shown its platform, and does not ask", async () => {
    const { hub, clock, store } = open(new ScriptedHub(), false);
    await clock.advanceAsync(60_000);
    expect([hub.platformAsked, store.board.platform]).toEqual([0, null]);
    expect(store.board.rows?.size).toBe(1);
  });

  test("a report of the platform that cannot be read is said, until one can", async () => {
    const { hub, clock, store } = open();
    await settled();
    hub.fault = new HubError("Internal", "the report broke");
    await clock.advanceAsync(15_000);
    expect(store.board.platformUnread).toMatchObject({ code: "Internal" });
    expect(store.board.platform).not.toBeNull();
    hub.fault = null;
    await clock.advanceAsync(15_000);
    expect(store.board.platformUnread).toBeNull();
  });

  test("after the stop nothing is asked any more", async () => {
    const { hub, clock, live } = open();
    await settled();
    live.stop();
    await settled();
    const asked = [hub.asked.length, hub.openedAfter.length, hub.platformAsked];
    await clock.advanceAsync(120_000);
    expect([hub.asked.length, hub.openedAfter.length, hub.platformAsked]).toEqual(asked);
    expect(clock.pendingTimers).toBe(0);
  });
});
