/** What a simulated platform does wrong at a moment, as data that faults set and calm resets. */

/** What the whole API does for a while; `lost` and `junk` do what they were asked. */
export type ApiTrouble = "errors" | "hangs" | "down" | "auth" | "rate" | "lost" | "junk";
/** What the next create does. */
export type CreateTrouble = "stuck" | "fails" | "lost" | "late" | "image-broken";

export interface Mood {
  api: ApiTrouble | null;
  create: CreateTrouble | null;
  /** No new sandbox fits. */
  quota: boolean;
  /** Sandboxes start, and nothing works inside any of them. */
  hollow: boolean;
  /** Each way of a call takes up to this much longer. */
  slowMs: number;
  listing: "true" | "lags" | "skips" | "doubles";
  /** `ignored` says that it is gone and does nothing; `conflict` is busy for ever. */
  deletes: "done" | "ignored" | "conflict";
}

export function calmMood(): Mood {
  return {
    api: null,
    create: null,
    quota: false,
    hollow: false,
    slowMs: 0,
    listing: "true",
    deletes: "done",
  };
}
