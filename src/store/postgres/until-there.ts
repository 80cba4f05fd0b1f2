/**
 * Waits for a PostgreSQL that is away, for as long as it takes: a hub that starts while its engine
 * fails over is there when that is done, and whoever watches it start is told what it waits for.
 */
import type { Clock } from "../../base/clock.ts";
import { isAway } from "./connect.ts";

const AGAIN_MS = 500;
const SAY_EVERY_MS = 30_000;

export interface Patience {
  readonly clock: Clock;
  /** Told why it waits: at once, when that changes, and twice a minute. */
  readonly waits: (why: string) => void;
}

/** @throws what another try would not mend, at once */
export async function untilThere<T>(work: () => Promise<T>, patience: Patience): Promise<T> {
  const { clock, waits } = patience;
  let said = { why: "", at: -Infinity };
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isAway(error)) throw error;
      const why = error instanceof Error ? error.message : String(error);
      const now = clock.mono();
      if (why !== said.why || now - said.at >= SAY_EVERY_MS) {
        said = { why, at: now };
        waits(why);
      }
    }
    await new Promise<void>((next) => void clock.setTimeout(next, AGAIN_MS));
  }
}
