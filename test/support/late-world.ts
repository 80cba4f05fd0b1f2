/** A hub's world whose store keeps facts later, and never loses an answer. */
import { seededRandom } from "../../src/base/random.ts";
import { LateStore } from "../../src/testing/sim/late-store.ts";
import { MemoryStore } from "../../src/testing/sim/memory-store.ts";
import { HubWorld } from "./hub-world.ts";

/** `lateMs` is of one commit, there and back. */
export function lateWorld(lateMs: number): { world: HubWorld; disk: MemoryStore } {
  const disk = new MemoryStore();
  const world = new HubWorld({
    store: ({ clock }) =>
      new LateStore({
        disk,
        clock,
        random: { ...seededRandom("late"), next: () => 0.99 },
        at: (delayMs, run) => void clock.setTimeout(run, delayMs),
        lateMs,
      }),
  });
  return { world, disk };
}
