/** The port to the list of hubs that share a store. Every call is one statement of its own. */

/** `draining` beats on until nothing is left; `dead` was declared, `gone` left by itself. */
export type HubState = "live" | "draining" | "dead" | "gone";

/** One life of one hub. */
export interface HubRow {
  readonly inc: string;
  readonly name: string;
  /** Where other hubs reach it, `host:port`. */
  readonly advertise: string;
  readonly version: string;
  readonly state: HubState;
  readonly beat: number;
  /** Wall ms by the hub's own clock: for people, nothing is decided by it. */
  readonly started: number;
}

export interface RollBook {
  /**
   * Enters a new life, and declares earlier ones of the same name dead: their process is gone.
   * Asked again it changes nothing.
   */
  register(self: Omit<HubRow, "state" | "beat">): Promise<void>;
  /** Adds one to the life's beat; then all that are not gone. Null when it was declared dead. */
  beat(inc: string): Promise<readonly HubRow[] | null>;
  /** True when its beat is still the one that was seen, and it is dead from now on. */
  declareDead(inc: string, seenBeat: number): Promise<boolean>;
  enter(inc: string, state: Exclude<HubState, "dead">): Promise<void>;
}
