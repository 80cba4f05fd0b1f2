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
  /** The connection on which this life beats stands, as the store sees it. */
  readonly linked: boolean;
  /** Wall ms by the hub's own clock: for people, nothing is decided by it. */
  readonly started: number;
}

/** What a life says of itself; the rest is the store's. */
export type HubSelf = Omit<HubRow, "state" | "beat" | "linked">;

export interface RollBook {
  /**
   * Enters a new life, and declares earlier ones of the same name dead: their process is gone.
   * Asked again it changes nothing.
   */
  register(self: HubSelf): Promise<void>;
  /** Adds one to the life's beat; then all that are not gone. Null when it was declared dead. */
  beat(inc: string): Promise<readonly HubRow[] | null>;
  /** True when its beat is still the one that was seen, and it is dead from now on. */
  declareDead(inc: string, seenBeat: number): Promise<boolean>;
  enter(inc: string, state: Exclude<HubState, "dead">): Promise<void>;
}
