/** Faults that somebody switched on at a platform on purpose, as a hub needs to know of them. */
export interface Drill {
  readonly id: string;
  readonly fault: string;
  /** What is seen of it. */
  readonly about: string;
  /** Id or name of the sandbox that is meant, perhaps ending with `*`; null means every call. */
  readonly sandbox: string | null;
  readonly sandboxId: string | null;
  readonly since: string;
  readonly uses: number;
  /** When and how it ended; null while it is on. */
  readonly endedAt: string | null;
  readonly ended: string | null;
}

/** Those that are on and those that were; null where a platform cannot be told to fail. */
export type ReadDrills = () => Promise<readonly Drill[] | null>;
