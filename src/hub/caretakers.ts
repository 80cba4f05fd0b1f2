/** What looks after a hub by itself while it runs: started together, and stopped together. */
import { ActivityKeeper } from "./activity/keeper.ts";
import { Janitor, type Stray } from "./janitor.ts";
import type { HubMetrics } from "./metrics/metrics.ts";
import type { OpenStore } from "./open-store.ts";
import type { SessionParts } from "./session/session.ts";
import type { Sessions } from "./sessions.ts";
import { TimelineKeeper, type TimelineKeeperOptions } from "./timeline-keeper.ts";

interface Caretaker {
  start(): void;
  stop(): void;
}

interface OtherKeepers {
  readonly metrics: Pick<HubMetrics, "factsDropped">;
  readonly watch: Caretaker;
  readonly drills: Caretaker;
  readonly leases: Caretaker;
  readonly updates: Caretaker;
  readonly webhook: Caretaker | null;
  readonly keeper: Caretaker | null;
}

export function createCaretakers(
  parts: SessionParts & { readonly loop: Caretaker },
  sessions: Sessions,
  { store, shelf, seat }: OpenStore,
  limits: TimelineKeeperOptions["limits"],
  { metrics, ...others }: OtherKeepers,
): { readonly caretakers: readonly Caretaker[]; readonly strays: () => readonly Stray[] } {
  const { autoStopMs, idlePauseMs, janitorMs, createMs } = parts.policy;
  const all = { ...parts, sessions: () => sessions.all };
  const onDropped = metrics.factsDropped;
  const looks = { everyMs: janitorMs, youngMs: createMs, cost: sessions.cost };
  const janitor = new Janitor({
    ...all,
    ...looks,
    store,
    job: seat?.jobs.strays,
    shared: seat?.store,
  });
  const caretakers = [
    parts.loop,
    janitor,
    new ActivityKeeper({ ...all, autoStopMs, idlePauseMs }),
    ...(shelf === null ? [] : [new TimelineKeeper({ ...parts, store: shelf, limits, onDropped })]),
    ...Object.values(others).filter((one) => one !== null),
  ];
  return { caretakers, strays: () => janitor.strays };
}
