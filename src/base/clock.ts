/**
 * The house clock. Two times on purpose: `now` is the wall (deadlines that survive a restart are
 * wall times), `mono` only ever moves forward (liveness is judged by it). The shape of
 * setTimeout/clearTimeout is what xstate accepts, so one clock drives machines, links and probes,
 * and the simulator can own all of them.
 */
export interface Clock {
  /** Wall time in milliseconds since the epoch; may jump. */
  now(): number;
  /** Monotonic milliseconds from an arbitrary start; never jumps back. */
  mono(): number;
  setTimeout(fn: (...args: never[]) => void, ms: number): TimerId;
  clearTimeout(id: TimerId): void;
}

/** Opaque: what a clock handed out can only be given back to that clock. */
export type TimerId = unknown;

export const systemClock: Clock = {
  now: () => Date.now(),
  mono: () => performance.now(),
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (id) => {
    clearTimeout(id as ReturnType<typeof setTimeout>);
  },
};
