/** Labels that every sandbox of a hub carries, so that it is found again whatever got lost. */
export const LABELS = {
  hub: "holdfast/hub",
  session: "holdfast/session",
  name: "holdfast/name",
  /** On a sandbox that only tells whether the platform works; it belongs to no session. */
  control: "holdfast/control",
  /** On a session that is removed when nobody has renewed it for so long. */
  lease: "holdfast/lease",
} as const;
