/**
 * What a campaign must reach at least once, or its silence proves nothing: states, facts, faults,
 * rungs, and the few stories that are told in more than one fact. Breaks no promise itself; the
 * list of what is expected is in sometimes.ts.
 */
import type { Check, Stand, WrittenFact } from "./check.ts";

/** Steps of the story that every resume is about. */
const RESUMED = ["intent.changed", "nudge.sent", "session.connected"];

export class ReachChecks implements Check {
  readonly #stand: Stand;
  /** How far a session is in the story of a resume. */
  readonly #told = new Map<string, number>();

  constructor(stand: Stand) {
    this.#stand = stand;
  }

  onFact({ event, before, record }: WrittenFact): void {
    const { kind, data } = event;
    this.#stand.saw(`fact ${kind}`);
    if (before?.detail !== record.detail) this.#stand.saw(`state ${record.detail}`);
    if (before?.rung !== record.rung) this.#stand.saw(`rung ${record.rung}`);
    if (kind === "session.failed") this.#stand.saw(`fault ${String(data["code"])}`);
    if (kind === "probe.answered" && data["code"] === "CloneSuspected") {
      this.#stand.saw("a driver of a copy was told apart");
    }
    this.#tell(record.id, kind, data);
    if (before === null || record.state === before.state || before.deadlineAt === null) return;
    if (event.at >= before.deadlineAt) this.#stand.saw(`deadline in ${before.state}`);
  }

  onHubKilled(): void {
    for (const { record } of this.#stand.world.sessions) {
      const { asked, sandboxId, detail } = record;
      const asking = asked && sandboxId === null && detail === "creating.requesting";
      if (asking) this.#stand.saw("a hub that died between a create and its answer");
    }
  }

  onFault(kind: string): void {
    this.#stand.saw(`struck ${kind}`);
  }

  #tell(id: string, kind: string, data: Readonly<Record<string, unknown>>): void {
    if (kind === "intent.changed") {
      this.#told.set(id, data["desired"] === "connected" ? 1 : 0);
      return;
    }
    const told = this.#told.get(id) ?? 0;
    if (told === 0 || kind !== RESUMED[told]) return;
    this.#told.set(id, told + 1);
    if (told + 1 === RESUMED.length) this.#stand.saw("asked, nudged, and connected");
  }
}
