/** What of the processors hubs, PostgreSQL, and drivers with their platform have used. */
import { childrenOf, cpuMs } from "../process-reading.ts";
import type { Figures } from "./figures.ts";

export const users = ["hubs", "PostgreSQL", "drivers and platform"] as const;
export type Used = Readonly<Record<(typeof users)[number], number>>;

/** So far, in ms; of all that this process started and that lives. */
export function usedMs(hubs: readonly number[], crowd: readonly number[]): Used {
  const sum = (pids: readonly number[]): number => pids.reduce((ms, pid) => ms + cpuMs(pid), 0);
  // Not hubs, which are told its address.
  const store = childrenOf(process.pid).filter(({ words }) => /^\S*postgres\b/.test(words));
  return {
    hubs: sum(hubs),
    PostgreSQL: sum(store.map(({ pid }) => pid)),
    "drivers and platform": sum(crowd),
  };
}

/** What was used from `before` to `after`, divided by what it was used for. */
export function tellUse(
  { tell }: Figures,
  what: string,
  { before, after, by }: { readonly before: Used; readonly after: Used; readonly by: number },
): void {
  for (const user of users) tell(`${what}: ${user}`, (after[user] - before[user]) / by);
}
