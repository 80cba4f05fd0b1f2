/**
 * The shared store of a simulated cluster, as its hubs see it: rows that change by the statements
 * of the real one, on lines that take their time, break, queue, and reach the store although nobody
 * hears of it. What no order of events may ever do to the rows is told to `onWrong`.
 */
import { HubError } from "../../base/hub-error.ts";
import type { Claims, Place } from "../../hub/cluster/ownership.ts";
import type { JobBook, JobRow } from "../../hub/cluster/job-holder.ts";
import type { HubRow, RollBook } from "../../hub/cluster/roll-book.ts";
import type { SimKernel, SimProcess } from "./kernel.ts";

export interface SessionRow extends Place {
  readonly epochIssued: number;
  readonly version: number;
}

/** A hub gives up on an answer after this, and knows nothing then; on that of a beat sooner. */
const ANSWER_MS = 4_000;
export const BEAT_ANSWER_MS = 2_000;

export class ClusterDisk<Row extends SessionRow = SessionRow> {
  readonly #kernel: SimKernel;
  hubs = new Map<string, HubRow>();
  sessions = new Map<string, Row>();
  job: JobRow = { owner: null, epoch: 0 };
  /** Declared once, whatever a store that went back in time says of it later. */
  readonly #everDead = new Set<string>();
  /** Nobody reaches the store. */
  down = false;
  /** Each statement takes this long, there and back. */
  latencyMs = 4;
  /** Hubs whose way to the store is cut. */
  readonly cut = new Set<string>();
  /** Hubs whose connection for beats stands: a cut line tells the store nothing. */
  readonly linked = new Set<string>();
  /** Somebody stands between who lends connections: whose they are is anybody's guess. */
  isPooled: (() => boolean) | null = null;
  /** Mistakes that are planted: a claim, or a take of the job, takes what it finds. */
  comparesNothing = false;
  comparesNoJob = false;
  onWrong: (text: string) => void = () => undefined;
  onDeclared: (inc: string) => void = () => undefined;

  constructor(kernel: SimKernel) {
    this.#kernel = kernel;
  }

  /**
   * One connection of one hub: what is asked on it is answered in order, and what nobody waits for
   * any more when its turn comes is not asked at all.
   */
  line(inc: string, hub: SimProcess, answerMs = ANSWER_MS): <T>(statement: () => T) => Promise<T> {
    const queue: { readonly send: () => void; over: boolean }[] = [];
    let isBusy = false;
    const kernel = this.#kernel;
    const next = (): void => {
      const turn = queue.shift();
      isBusy = turn !== undefined;
      if (turn?.over === true) next();
      else if (turn !== undefined) {
        kernel.at(this.latencyMs, next);
        turn.send();
      }
    };
    return (statement) =>
      new Promise((done, fail) => {
        const end = (tell: () => void): void => {
          if (turn.over) return;
          turn.over = true;
          hub.run(tell);
        };
        const send = (): void => {
          const half = this.latencyMs / 2;
          kernel.at(half, () => {
            if (this.down || this.cut.has(inc)) return;
            const answer = statement();
            kernel.at(half, () => {
              if (!this.cut.has(inc)) end(() => done(answer));
            });
          });
        };
        const turn = { send, over: false };
        hub.clock.setTimeout(() => {
          end(() => fail(new HubError("StoreUnreachable", "no answer")));
        }, answerMs);
        queue.push(turn);
        if (!isBusy) next();
      });
  }

  book(ask: ReturnType<ClusterDisk["line"]>): RollBook {
    const lives = ({ state }: HubRow): boolean => state === "live" || state === "draining";
    return {
      register: (self) =>
        ask(() => {
          for (const row of this.hubs.values()) {
            const { inc } = row;
            if (inc !== self.inc && row.name === self.name && lives(row)) this.#bury(row);
          }
          this.hubs.set(self.inc, { ...self, state: "live", beat: 0, linked: false });
        }),
      beat: (inc) =>
        ask(() => {
          const row = this.hubs.get(inc);
          if (row === undefined || !lives(row)) return null;
          this.hubs.set(inc, { ...row, beat: row.beat + 1 });
          this.linked.add(inc);
          const there = [...this.hubs.values()].filter(({ state }) => state !== "gone");
          return there.map((one) => ({ ...one, linked: this.#isLinked(one.inc) }));
        }),
      declareDead: (inc, seenBeat) =>
        ask(() => {
          const row = this.hubs.get(inc);
          if (row === undefined || row.beat !== seenBeat || !lives(row)) return false;
          this.#bury(row);
          this.onDeclared(inc);
          return true;
        }),
      enter: (inc, state) =>
        ask(() => {
          const row = this.hubs.get(inc);
          if (row !== undefined && lives(row)) this.hubs.set(inc, { ...row, state });
        }),
    };
  }

  claims(inc: string, ask: ReturnType<ClusterDisk["line"]>): Claims<Row> {
    return {
      whereabouts: (id) => ask(() => this.sessions.get(id) ?? null),
      claim: (id, seenFence) => ask(() => this.claim(id, seenFence, inc)),
      places: () => ask(() => [...this.sessions.values()].filter(({ owner }) => owner === inc)),
      owners: () =>
        ask(() => [this.job, ...this.sessions.values()].flatMap(({ owner }) => owner ?? [])),
      orphans: (dead, limit) =>
        ask(() => {
          const free = [...this.sessions.values()].filter(({ owner }) => {
            return owner === null || dead.includes(owner);
          });
          return free.slice(0, limit);
        }),
      claimAll: (seen) =>
        ask(() => seen.flatMap(({ id, fence }) => this.claim(id, fence, inc) ?? [])),
      release: (ids) =>
        ask(() => {
          return ids.filter((id) => {
            const row = this.sessions.get(id);
            if (row?.owner !== inc) return false;
            this.sessions.set(id, { ...row, owner: null, fence: row.fence + 1 });
            return true;
          });
        }),
      unproven: (ids) => ask(() => ids.filter((id) => this.sessions.get(id)?.owner === null)),
    };
  }

  jobs(inc: string, ask: ReturnType<ClusterDisk["line"]>): JobBook {
    return {
      job: () => ask(() => this.job),
      takeJob: (_, seenEpoch) =>
        ask(() => {
          const { owner, epoch } = this.job;
          if (epoch !== seenEpoch && !this.comparesNoJob) return false;
          if (this.#isLiving(owner, inc)) this.onWrong(`the job was taken from ${owner ?? ""}`);
          this.job = { owner: inc, epoch: seenEpoch + 1 };
          return true;
        }),
      endJob: (_, epoch) =>
        ask(() => {
          const isHeld = this.job.owner === inc && this.job.epoch === epoch;
          if (isHeld) this.job = { owner: null, epoch };
        }),
    };
  }

  /** A fenced write: null when the session is another hub's by now. */
  commit(seen: SessionRow, inc: string, epochIssued: number): Row | null {
    const row = this.sessions.get(seen.id);
    if (row?.owner !== inc || row.fence !== seen.fence || row.version !== seen.version) return null;
    const next = { ...row, version: row.version + 1, epochIssued };
    this.sessions.set(row.id, next);
    return next;
  }

  /** Null when it is another's since it was seen. */
  claim(id: string, seenFence: number, inc: string): Row | null {
    const row = this.sessions.get(id);
    if (row === undefined) return null;
    if (row.fence !== seenFence && !this.comparesNothing) return null;
    return this.#give(row, inc);
  }

  #isLinked(inc: string): boolean {
    return this.isPooled?.() ?? this.linked.has(inc);
  }

  #bury(row: HubRow): void {
    this.hubs.set(row.inc, { ...row, state: "dead" });
    this.#everDead.add(row.inc);
  }

  /** Another hub, which nobody ever declared dead. */
  #isLiving(owner: string | null, inc: string): boolean {
    if (owner === null || owner === inc || this.#everDead.has(owner)) return false;
    const state = this.hubs.get(owner)?.state ?? "gone";
    return state === "live" || state === "draining";
  }

  #give(row: Row, inc: string): Row {
    const { owner } = row;
    if (this.#isLiving(owner, inc)) this.onWrong(`${row.id} was taken from ${owner ?? ""}`);
    const next = { ...row, owner: inc, fence: row.fence + 1 };
    this.sessions.set(row.id, next);
    return next;
  }
}
