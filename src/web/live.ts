/**
 * Keeps the board true: the list, then events without a gap, and all of it again after a connection
 * was lost. A session is asked about when an event tells of it, every few seconds while it is in
 * view, and now and then while it is not. Owns the loop and its timers; what a change means is
 * board.ts.
 */
import type { Api } from "../client/api.ts";
import type { HubEvent } from "../client/api-types.ts";
import { createBackoff } from "../base/backoff.ts";
import type { Clock } from "../base/clock.ts";
import { HubError, toHubError } from "../base/hub-error.ts";
import type { Random } from "../base/random.ts";
import type { BoardStore } from "./board-store.ts";
import { problemOf } from "./problem.ts";
import { createRefreshQueue, type RefreshQueue } from "./refresh-queue.ts";

/** Evidence in view is at most this much older on the page than in the hub. */
const PATROL_MS = 5_000;
const PLATFORM_MS = 15_000;
/** As many as the hub tells at once, and a few ms of its time. */
const PAGE = 200;
/** The hub's stream has a heartbeat every 15 s; two missing ones are a dead connection. */
const SILENCE_MS = 35_000;
const REDIAL_MIN_MS = 200;
const REDIAL_MAX_MS = 5_000;
/** How long a removed session stays in view, so that its end is seen. */
const FAREWELL_MS = 4_000;

export interface LiveOptions {
  readonly api: Api;
  readonly store: BoardStore;
  readonly clock: Clock;
  readonly random: Random;
  /** The hub does not know this token. */
  readonly onRefused: (error: HubError) => void;
  /** False while nobody looks: evidence is not asked for then. */
  readonly isVisible: () => boolean;
  /** Whether the token is told how the hub stands to its platform. */
  readonly toldOfHub: boolean;
}

export interface Live {
  /** Asks for a session's state and health soon. */
  refresh(id: string): void;
  /** Loads the history and all of the health of a session that was selected. */
  loadInDepth(id: string): void;
  /** The sessions that are drawn now. */
  look(ids: readonly string[]): void;
  /** Asks for the platform's report now. */
  lookAtPlatform(): void;
  stop(): void;
}

export function startLive(options: LiveOptions): Live {
  const live = new LiveLoop(options);
  void live.run();
  return live;
}

class LiveLoop implements Live {
  readonly #options: LiveOptions;
  readonly #stop = new AbortController();
  readonly #queue: RefreshQueue;
  /** For all of the health of the session that is open. */
  readonly #depth: RefreshQueue;
  #patrolTimer: unknown;
  #platformTimer: unknown;
  #inView: readonly string[] = [];
  /** Those out of view that the patrol has not come to in this round. */
  #unvisited: string[] = [];

  constructor(options: LiveOptions) {
    this.#options = options;
    const { clock } = options;
    this.#queue = createRefreshQueue({ batchMax: PAGE, clock, run: (ids) => this.#ask(ids) });
    this.#depth = createRefreshQueue({ batchMax: 1, clock, run: (ids) => this.#askInDepth(ids) });
  }

  refresh(id: string): void {
    this.#queue.want([id], "happened");
  }

  look(ids: readonly string[]): void {
    this.#inView = ids;
  }

  loadInDepth(id: string): void {
    const { api, store } = this.#options;
    api.timelinePage(id).then(
      (page) => store.apply({ type: "timeline", id, page }),
      (error: unknown) => this.#failed([id], error),
    );
    this.#depth.want([id], "happened");
  }

  lookAtPlatform(): void {
    this.#options.clock.clearTimeout(this.#platformTimer);
    this.#watchPlatform();
  }

  stop(): void {
    this.#stop.abort();
    this.#queue.clear();
    this.#depth.clear();
    this.#options.clock.clearTimeout(this.#patrolTimer);
    this.#options.clock.clearTimeout(this.#platformTimer);
  }

  async run(): Promise<void> {
    const { store, clock, random } = this.#options;
    const backoff = createBackoff({ minMs: REDIAL_MIN_MS, maxMs: REDIAL_MAX_MS, random });
    this.#patrol();
    if (this.#options.toldOfHub) this.#watchPlatform();
    let after: number | null = null;
    while (!this.#stopped) {
      let why = "the hub closed the connection";
      try {
        const listedSeq = await this.#list();
        // A hub with another store counts from the start: old numbers would never come again.
        after = Math.min(after ?? listedSeq, listedSeq);
        for await (const event of this.#events(after, () => backoff.reset())) {
          after = event.seq;
          this.#heard(event);
        }
      } catch (error) {
        if (this.#refused(error)) return;
        why = toHubError(error).message;
      }
      if (this.#stopped) return;
      store.apply({ type: "stream", stream: { kind: "lost", sinceMs: clock.now(), why } });
      await this.#wait(backoff.next());
    }
  }

  get #stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** All pages; the number of the first page is the one that misses nothing. */
  async #list(): Promise<number> {
    const { api, store, clock } = this.#options;
    const ids = new Set<string>();
    let cursor: string | undefined;
    let eventSeq: number | null = null;
    do {
      const page = await api.sessions({
        limit: PAGE,
        health: true,
        ...(cursor === undefined ? {} : { cursor }),
      });
      if (this.#stopped) return page.eventSeq;
      eventSeq ??= page.eventSeq;
      for (const { id } of page.items) ids.add(id);
      store.apply({ type: "read", sessions: page.items, receivedAtMs: clock.now() });
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    store.apply({ type: "listed", ids });
    return eventSeq;
  }

  /** One connection's events; it ends when the hub falls silent, which TCP alone would not tell. */
  async *#events(after: number, onAlive: () => void): AsyncGenerator<HubEvent> {
    const { api, store, clock } = this.#options;
    const connection = new AbortController();
    const end = (): void => connection.abort();
    this.#stop.signal.addEventListener("abort", end);
    let timer = clock.setTimeout(end, SILENCE_MS);
    try {
      yield* api.events({
        after,
        signal: connection.signal,
        onAlive: () => {
          clock.clearTimeout(timer);
          timer = clock.setTimeout(end, SILENCE_MS);
          if (store.board.stream.kind !== "live") {
            store.apply({ type: "stream", stream: { kind: "live" } });
          }
          onAlive();
        },
        onLost: (error) => Promise.reject(toHubError(error)),
      });
    } finally {
      clock.clearTimeout(timer);
      this.#stop.signal.removeEventListener("abort", end);
    }
    if (!this.#stopped) throw new HubError("LinkLost", "the hub fell silent");
  }

  #heard(event: HubEvent): void {
    const { store } = this.#options;
    store.apply({ type: "event", event });
    if (event.session === null) return;
    this.#queue.want([event.session], "happened");
    if (event.session === store.board.selected) this.#depth.want([event.session], "happened");
  }

  async #ask(ids: readonly string[]): Promise<void> {
    const { api, store, clock } = this.#options;
    try {
      const { items } = await api.sessions({ id: ids, limit: PAGE, health: true });
      if (this.#stopped) return;
      store.apply({ type: "read", sessions: items, receivedAtMs: clock.now() });
      const there = new Set(items.map(({ id }) => id));
      for (const id of ids) if (!there.has(id)) this.#sayFarewell(id);
    } catch (error) {
      this.#failed(ids, error);
    }
  }

  async #askInDepth(ids: readonly string[]): Promise<void> {
    const { api, store, clock } = this.#options;
    for (const id of ids) {
      try {
        const health = await api.health(id);
        store.apply({ type: "inDepth", id, seen: { health, receivedAtMs: clock.now() } });
      } catch (error) {
        this.#failed([id], error);
      }
    }
  }

  /** A lost connection is told by the stream; what concerns sessions stands in their rows. */
  #failed(ids: readonly string[], error: unknown): void {
    const { code } = toHubError(error);
    if (code === "SessionNotFound" || code === "SessionEnded") {
      for (const id of ids) this.#sayFarewell(id);
    } else if (code !== "HubUnreachable" && !this.#refused(error)) {
      this.#options.store.apply({ type: "unread", ids, problem: problemOf(error) });
    }
  }

  #sayFarewell(id: string): void {
    const { store, clock } = this.#options;
    const row = store.board.rows?.get(id);
    if (row === undefined) return;
    store.apply({ type: "session", session: { ...row.session, state: "ended", detail: null } });
    clock.setTimeout(() => store.apply({ type: "gone", id }), FAREWELL_MS);
  }

  #refused(error: unknown): boolean {
    if (!(error instanceof HubError) || error.code !== "Unauthenticated") return false;
    if (!this.#stopped) {
      this.stop();
      this.#options.onRefused(error);
    }
    return true;
  }

  #patrol(): void {
    const { store, clock, isVisible } = this.#options;
    const { rows, stream } = store.board;
    if (isVisible() && stream.kind === "live" && rows !== null) {
      const inView = this.#inView.filter((id) => rows.has(id)).slice(0, PAGE);
      if (this.#unvisited.length === 0) this.#unvisited = [...rows.keys()];
      const others = this.#unvisited.splice(0, PAGE - inView.length);
      const living = [...inView, ...others].filter((id) => rows.get(id)?.session.state !== "ended");
      this.#queue.want(living, "ages");
      if (store.board.selected !== null) this.#depth.want([store.board.selected], "ages");
    }
    this.#patrolTimer = clock.setTimeout(() => this.#patrol(), PATROL_MS);
  }

  #watchPlatform(): void {
    const { api, store, clock, isVisible } = this.#options;
    const again = (): void => {
      if (this.#stopped) return;
      clock.clearTimeout(this.#platformTimer);
      this.#platformTimer = clock.setTimeout(() => this.#watchPlatform(), PLATFORM_MS);
    };
    if (!isVisible()) {
      again();
      return;
    }
    api
      .platform()
      .then(
        (platform) => store.apply({ type: "platform", platform }),
        (error: unknown) => {
          // A lost connection is told by the stream.
          if (this.#refused(error) || toHubError(error).code === "HubUnreachable") return;
          store.apply({ type: "platformUnread", problem: problemOf(error) });
        },
      )
      .finally(again);
  }

  #wait(waitMs: number): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    return new Promise((resolve) => {
      const done = (): void => {
        clock.clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = clock.setTimeout(done, waitMs);
      signal.addEventListener("abort", done);
    });
  }
}
