/** How a channel of a session is asked for, and how the way to its driver is. */
import type { HubError } from "../base/hub-error.ts";

export interface AttachOptions {
  /** How long the driver keeps streams for this client while it is away; 26 hours by default. */
  readonly leaseMs?: number;
  /**
   * `wake`: a session that is suspended is resumed and waited for; only now, never by a channel
   * that comes back later. `observe`: neither wakes the session nor counts as its use. Without it
   * a suspended session is refused, and one that is on its way gets 10 s.
   */
  readonly intent?: "wake" | "observe";
}

/** How the way to the driver is; streams wait while it is not `live`, and go on. */
export type ChannelPhase =
  | { readonly kind: "live"; readonly epoch: number }
  | { readonly kind: "waiting"; readonly error: HubError }
  | { readonly kind: "ended"; readonly error: HubError | null };
