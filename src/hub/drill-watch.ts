/**
 * Knows which faults were switched on at the platform on purpose, so that health, timeline and
 * metrics can say so: a drill is never taken for a failure. Changes nothing of what the hub does
 * about them, or a drill would prove nothing.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Drill, ReadDrills } from "../providers/drills.ts";
import type { SessionRecord } from "../store/facts.ts";
import type { Session } from "./session/session.ts";

export interface DrillWatchOptions {
  readonly read: ReadDrills;
  readonly sessions: { readonly all: readonly Pick<Session, "record" | "ledger">[] };
  readonly clock: Clock;
  readonly log: Logger;
}

/** A drill is told before whoever started it has looked twice. */
const LOOK_MS = 1_000;
/** A platform that cannot be told to fail may be replaced by one that can. */
const LOOK_AGAIN_MS = 60_000;

export class DrillWatch {
  readonly #options: DrillWatchOptions;
  readonly #told = new Map<string, Set<string>>();
  #drills: readonly Drill[] = [];
  #timer: unknown = null;
  #stopped = false;
  readonly #startedAt: number;

  constructor(options: DrillWatchOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  start(): void {
    void this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  /** Those that are on now. */
  get on(): readonly Drill[] {
    return this.#drills.filter(({ ended }) => ended === null);
  }

  /** One sentence about the drills that mean this session; null when there is none. */
  sentence(record: SessionRecord): string | null {
    const meant = this.on.filter((drill) => means(drill, record));
    if (meant.length === 0) return null;
    return `a drill is on: ${meant.map(({ fault, about }) => `${fault} (${about})`).join("; ")}`;
  }

  async #look(): Promise<void> {
    const { read, clock, log } = this.#options;
    let nextMs = LOOK_MS;
    try {
      const drills = await read();
      if (drills === null) nextMs = LOOK_AGAIN_MS;
      this.#drills = drills ?? [];
      if (!this.#stopped) this.#tell();
    } catch (error) {
      // A platform that does not answer is the platform watch's to tell; drills stay as last seen.
      log.debug({ error: String(error) }, "the platform's drills could not be read");
    }
    if (!this.#stopped) this.#timer = clock.setTimeout(() => void this.#look(), nextMs);
  }

  /** Each session's story has the begin and the end of each drill that meant it, once. */
  #tell(): void {
    const known = new Set(this.#drills.map(({ id }) => id));
    for (const id of this.#told.keys()) if (!known.has(id)) this.#told.delete(id);
    for (const drill of this.#drills) {
      // What was over before this hub was there is in no story, or in that of the hub before it.
      if (endedBefore(drill, this.#startedAt)) continue;
      const told = this.#told.get(drill.id) ?? new Set();
      this.#told.set(drill.id, told);
      for (const { record, ledger } of this.#options.sessions.all) {
        if (!means(drill, record) || endedBefore(drill, record.createdAt)) continue;
        const { id, fault, about, uses, ended, endedAt } = drill;
        if (!told.has(`${record.id} on`)) {
          const text = `a drill is on: ${fault} (${about})`;
          if (!ledger.tryNote("drill.on", text, { drill: id, fault })) continue;
          told.add(`${record.id} on`);
        }
        if (ended === null || told.has(`${record.id} off`)) continue;
        const text = `the drill is over: ${fault} (${ended}, ${uses} uses)`;
        const data = { drill: id, fault, uses, ended, endedAt };
        if (ledger.tryNote("drill.off", text, data)) told.add(`${record.id} off`);
      }
    }
  }
}

function endedBefore({ endedAt }: Drill, at: number): boolean {
  return endedAt !== null && Date.parse(endedAt) < at;
}

function means({ sandbox, sandboxId }: Drill, record: SessionRecord): boolean {
  if (record.detail === "ended.gone") return false;
  if (sandbox === null) return true;
  if (sandboxId !== null) return sandboxId === record.sandboxId;
  if (sandbox.endsWith("*")) return record.sandboxName.startsWith(sandbox.slice(0, -1));
  return sandbox === record.sandboxName || sandbox === record.sandboxId;
}
