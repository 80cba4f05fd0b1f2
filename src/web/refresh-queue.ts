/**
 * Decides when which session is asked about: never two requests for one session at a time, so
 * that the last answer is the newest; never many at once, so that a click is not kept waiting.
 */
export type Refresh =
  /** Only what ages: the evidence. */
  | "health"
  /** The session, too: something happened to it. */
  | "all";

export interface RefreshQueue {
  want(id: string, refresh: Refresh): void;
  /** Forgets what waits; what is under way ends by itself. */
  clear(): void;
}

export function createRefreshQueue(options: {
  readonly parallelMax: number;
  /** Never rejects: a failure is told to the board. */
  readonly run: (id: string, refresh: Refresh) => Promise<void>;
}): RefreshQueue {
  const waiting = new Map<string, Refresh>();
  const running = new Set<string>();

  const start = (id: string, refresh: Refresh): void => {
    waiting.delete(id);
    running.add(id);
    void options.run(id, refresh).finally(() => {
      running.delete(id);
      pump();
    });
  };
  const pump = (): void => {
    for (const wanted of ["all", "health"] as const) {
      for (const [id, refresh] of [...waiting]) {
        if (running.size >= options.parallelMax) return;
        if (refresh === wanted && !running.has(id)) start(id, refresh);
      }
    }
  };
  return {
    want(id, refresh) {
      if (refresh === "all" || waiting.get(id) !== "all") waiting.set(id, refresh);
      pump();
    },
    clear: () => waiting.clear(),
  };
}
