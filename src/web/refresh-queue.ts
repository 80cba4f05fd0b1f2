/**
 * Decides when which session is asked about: many in one request, one request at a time, so that
 * the last answer is the newest and a click is not kept waiting. What happened goes before what
 * only ages. After each request comes a short pause, in which a burst of events becomes one batch.
 */
import type { Clock } from "../base/clock.ts";

/** Below what an eye notices, and a tenth of the requests that a busy hub's events would cause. */
const PAUSE_MS = 100;

export type Urgency =
  /** Something happened to it. */
  | "happened"
  /** Its evidence grows older. */
  | "ages";

export interface RefreshQueue {
  want(ids: Iterable<string>, urgency: Urgency): void;
  /** Forgets what waits; what is under way ends by itself. */
  clear(): void;
}

export function createRefreshQueue(options: {
  readonly batchMax: number;
  readonly clock: Clock;
  /** Never rejects: a failure is told to the board. */
  readonly run: (ids: readonly string[]) => Promise<void>;
}): RefreshQueue {
  const happened = new Set<string>();
  const ages = new Set<string>();
  let phase: "idle" | "busy" = "idle";
  let timer: unknown;

  const pump = (): void => {
    const batch = [...happened, ...ages].slice(0, options.batchMax);
    if (phase === "busy" || batch.length === 0) return;
    phase = "busy";
    for (const id of batch) {
      happened.delete(id);
      ages.delete(id);
    }
    void options.run(batch).finally(() => {
      timer = options.clock.setTimeout(() => {
        phase = "idle";
        pump();
      }, PAUSE_MS);
    });
  };
  return {
    want(ids, urgency) {
      for (const id of ids) {
        if (urgency === "ages") {
          if (!happened.has(id)) ages.add(id);
        } else {
          ages.delete(id);
          happened.add(id);
        }
      }
      pump();
    },
    clear: () => {
      happened.clear();
      ages.clear();
      options.clock.clearTimeout(timer);
    },
  };
}
