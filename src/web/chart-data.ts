/** Made from the session machine by `npm run docs`; do not edit. */
export const chartSteps = {
  creating: [
    "replacing",
    "requesting",
    "fallingBack",
    "watching",
    "activating",
    "sorting",
    "backingOff",
    "bootstrapping",
    "awaitingDriver",
    "proving",
    "rechecking",
  ],
  resuming: ["requesting", "restarting", "watching"],
  nudging: [
    "deciding",
    "climbing",
    "signalling",
    "awaitingDriver",
    "relaunching",
    "awaitingLaunched",
    "proving",
    "rechecking",
    "assessing",
    "consulting",
    "waiting",
    "holding",
  ],
  connected: ["healthy", "suspect", "rechecking", "unconfirmed", "degraded"],
  suspended: ["requesting", "paused"],
  error: ["sorting", "healable", "final"],
  ended: ["cleaning", "gone"],
} as const;

export type ChartState = keyof typeof chartSteps;

/** What leads to where; from every state a removal leads to `ended`. */
export const chartEdges: readonly (readonly [ChartState, ChartState])[] = [
  ["creating", "error"],
  ["creating", "connected"],
  ["creating", "nudging"],
  ["resuming", "error"],
  ["resuming", "nudging"],
  ["nudging", "suspended"],
  ["nudging", "error"],
  ["nudging", "resuming"],
  ["nudging", "creating"],
  ["nudging", "connected"],
  ["connected", "nudging"],
  ["connected", "suspended"],
  ["suspended", "nudging"],
  ["suspended", "error"],
  ["suspended", "resuming"],
  ["error", "creating"],
  ["error", "resuming"],
  ["error", "nudging"],
];
