/**
 * Which sessions there are in all hubs that share a store, oldest first, and who has each. Told at
 * once: a session that moves between hubs meanwhile is there once. How they are is not told here.
 */
export interface RosterQuery {
  readonly limit: number;
  /** Id of the session that the first one follows; null is from the beginning. */
  readonly after: string | null;
  /** Whose; null is everybody's. */
  readonly tenant: string | null;
  /** Only these; null is all. */
  readonly ids: readonly string[] | null;
  /** Of each group one is in the record's JSON. A sieve: who passes it may still not be meant. */
  readonly sieve: readonly (readonly string[])[];
}

export interface Enrolled {
  readonly id: string;
  /** The life of a hub; null is nobody's. */
  readonly owner: string | null;
}
