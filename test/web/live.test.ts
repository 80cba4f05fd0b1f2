import { describe, expect, test } from "vitest";
import type { Api } from "../../src/client/api.ts";
import type { HubEvent, PlatformReport, Session } from "../../src/client/api-types.ts";
import { HubError } from "../../src/base/hub-error.ts";
import { seededRandom } from "../../src/base/random.ts";
import { createBoardStore } from "../../src/web/board-store.ts";
import { startLive } from "../../src/web/live.ts";
import { settled, TestClock } from "../support/test-clock.ts";
import { sampleEvent, sampleHealth, sampleSession } from "./sample-session.ts";

/** A hub in memory whose event stream breaks and falls silent on request. */
class ScriptedHub {
  sessions: Session[] = [sampleSession()];
  seq = 10;
  /** What each opened stream was asked to begin after. */
  readonly openedAfter: number[] = [];
  readonly healthAsked: string[] = [];
  fault: HubError | null = null;
  platformAsked = 0;
  #feed: ((what: HubEvent | Error) => void) | null = null;
  #alive: () => void = () => undefined;

  readonly api = {
    sessions: async () =>
      this.#answer({ items: this.sessions, nextCursor: null, eventSeq: this.seq }),
    session: async (id: string) => this.#answer(this.#find(id)),
    health: async (id: string) => {
      this.healthAsked.push(id);
      const { state } = this.#find(id);
      return this.#answer(sampleHealth({ session: id, state }));
    },
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

  #find(id: string): Session {
    const found = this.sessions.find((session) => session.id === id);
    if (found === undefined) throw new HubError("SessionNotFound", `no ${id}`);
    return found;
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

function open(hub = new ScriptedHub()) {
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
    expect(row()?.seen?.health.state).toBe("suspended");
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
    const before = hub.healthAsked.length;
    await clock.advanceAsync(15_000);
    expect(hub.healthAsked.length - before).toBe(3);
    view.visible = false;
    await clock.advanceAsync(15_000);
    expect(hub.healthAsked.length - before).toBe(3);
    live.stop();
  });

  test("health that knows a newer state than the row makes it look again", async () => {
    const { hub, clock, row, live } = open();
    await settled();
    hub.sessions = [sampleSession({ state: "error", detail: "error.final" })];
    await clock.advanceAsync(5_000);
    expect(row()?.session.state).toBe("error");
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

  test("after the stop nothing is asked any more", async () => {
    const { hub, clock, live } = open();
    await settled();
    live.stop();
    await settled();
    const asked = [hub.healthAsked.length, hub.openedAfter.length, hub.platformAsked];
    await clock.advanceAsync(120_000);
    expect([hub.healthAsked.length, hub.openedAfter.length, hub.platformAsked]).toEqual(asked);
    expect(clock.pendingTimers).toBe(0);
  });
});
