/**
 * The switches that are on, and the last ones that were: who is meant, how often, for how long.
 * Counts every use, so that a drill can be told from a failure afterwards. Owns no fault's effect.
 */
import { randomUUID } from "node:crypto";
import type { Logger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import type { Random } from "../../base/random.ts";
import { isReal, specOf } from "./catalogue.ts";
import type { Bite } from "./catalogue.ts";
import type { DrillEnd, DrillView, DrillWish } from "./drill.ts";

/** Enough to explain the last hours; a soak with thousands of drills must not fill the memory. */
const PAST_MAX = 200;

/** Who a question is about; undefined where no sandbox is named. */
export interface Subject {
  id: string;
  name: string;
}

/** How real breakage is taken back, and whether it is still there. */
export interface Breakage {
  undo: () => Promise<void>;
  holds: () => boolean;
}

export interface Drill<Kind extends Bite = Bite> {
  readonly id: string;
  readonly wish: DrillWish;
  readonly bite: Kind;
  readonly delayMs: number;
  /** Resolves when it is off, for whatever reason. */
  readonly over: Promise<DrillEnd>;
}

type BiteOf<Kind extends Bite["kind"]> = Extract<Bite, { kind: Kind }>;

interface Entry extends Drill {
  readonly random: Random;
  readonly subject: Subject | undefined;
  readonly sinceMs: number;
  readonly timer: NodeJS.Timeout | undefined;
  readonly settle: (end: DrillEnd) => void;
  breakage: Breakage | undefined;
  timesLeft: number | null;
  uses: number;
  lastUseMs: number | null;
}

export class Drills {
  readonly #log: Logger;
  /** Told of all that is broken for real whenever that changes. */
  readonly #keep: (broken: DrillView[]) => void;
  readonly #on = new Map<string, Entry>();
  #past: DrillView[] = [];

  constructor(log: Logger, keep: (broken: DrillView[]) => void = () => undefined) {
    this.#log = log;
    this.#keep = keep;
  }

  /** Drills of a platform that was killed, once what they broke was taken back. */
  remember(old: readonly DrillView[]): void {
    const endedAt = iso(Date.now());
    const ended = old.map((view) => ({
      ...view,
      endedAt,
      ended: "the platform was killed" as const,
    }));
    this.#past = [...this.#past, ...ended].slice(-PAST_MAX);
  }

  /** `subject` is the one sandbox of a drill that means exactly one. */
  arm(wish: DrillWish, subject: Subject | undefined, breakage?: Breakage): DrillView {
    const { fault, sandbox } = wish;
    const id = randomUUID().slice(0, 8);
    const spec = specOf(fault);
    const { promise, resolve } = Promise.withResolvers<DrillEnd>();
    const entry: Entry = {
      id,
      wish,
      bite: spec.bite,
      delayMs: wish.delayMs ?? spec.delayMs ?? Infinity,
      over: promise,
      random: seededRandom(`drill ${wish.seed}`),
      subject,
      sinceMs: Date.now(),
      timer:
        wish.forMs === undefined
          ? undefined
          : setTimeout(() => void this.#end(entry, "time is up"), wish.forMs).unref(),
      settle: resolve,
      breakage,
      timesLeft: wish.times ?? null,
      uses: breakage === undefined ? 0 : 1,
      lastUseMs: breakage === undefined ? null : Date.now(),
    };
    this.#on.set(id, entry);
    if (breakage !== undefined) this.#keepBroken();
    this.#log.warn({ drill: id, fault, sandbox: sandbox ?? "all" }, "a drill is on");
    return this.#view(entry);
  }

  /** Real breakage that is an act, not a condition: it is over as soon as it is done. */
  record(wish: DrillWish, subject: Subject): DrillView {
    const view = this.arm(wish, subject, { undo: () => Promise.resolve(), holds: () => false });
    const entry = this.#on.get(view.id);
    if (entry !== undefined) this.#forget(entry, "used up");
    return this.#past.at(-1) ?? view;
  }

  /** The first drill of this kind that means this, its use counted; undefined when none bites. */
  take<Kind extends Bite["kind"]>(
    kind: Kind,
    subject: Subject | undefined,
    fits: (bite: BiteOf<Kind>, wish: DrillWish) => boolean,
  ): Drill<BiteOf<Kind>> | undefined {
    for (const entry of this.#on.values()) {
      if (entry.bite.kind !== kind || !this.#means(entry, subject)) continue;
      if (!fits(entry.bite as BiteOf<Kind>, entry.wish)) continue;
      if (entry.wish.probability < 1 && entry.random.next() >= entry.wish.probability) continue;
      this.#use(entry);
      return entry as unknown as Drill<BiteOf<Kind>>;
    }
    return undefined;
  }

  /** Until a drill that holds something up is over, or its own delay has passed. */
  async wait(drill: Drill): Promise<DrillEnd | "delay"> {
    const { delayMs } = drill;
    let timer: NodeJS.Timeout | undefined;
    const delay = new Promise<"delay">((resolve) => {
      if (Number.isFinite(delayMs)) timer = setTimeout(() => resolve("delay"), delayMs);
    });
    const end = await Promise.race([drill.over, delay]);
    clearTimeout(timer);
    this.letGo(drill);
    return end;
  }

  /** What a drill held up goes on: one whose last use that was is over. */
  letGo(drill: Drill): void {
    const entry = this.#on.get(drill.id);
    if (entry?.timesLeft === 0) this.#forget(entry, "used up");
  }

  /** Those that are on and mean this sandbox, for its record. */
  of(subject: Subject): DrillView[] {
    return this.#entries()
      .filter((entry) => this.#means(entry, subject))
      .map((entry) => this.#view(entry));
  }

  list(): { on: DrillView[]; past: DrillView[] } {
    return { on: this.#entries().map((entry) => this.#view(entry)), past: this.#past };
  }

  /** Ends those that `chosen` names and takes their breakage back; the views tell their story. */
  async clear(chosen: (view: DrillView) => boolean): Promise<DrillView[]> {
    const entries = this.#entries().filter((entry) => chosen(this.#view(entry)));
    return Promise.all(entries.map((entry) => this.#end(entry, "cleared")));
  }

  /** Nothing waits for a drill any more, and nothing stays broken by one. */
  async close(): Promise<void> {
    await Promise.all([...this.#on.values()].map((entry) => this.#end(entry, "the platform ends")));
  }

  #use(entry: Entry): void {
    entry.uses++;
    entry.lastUseMs = Date.now();
    if (entry.timesLeft === null) return;
    entry.timesLeft--;
    if (entry.timesLeft === 0 && !holdsUp(entry.bite)) this.#forget(entry, "used up");
  }

  #means(entry: Entry, subject: Subject | undefined): boolean {
    if (entry.timesLeft === 0) return false;
    const { sandbox } = entry.wish;
    if (sandbox === undefined) return true;
    if (subject === undefined) return false;
    if (entry.subject !== undefined) return entry.subject.id === subject.id;
    if (sandbox.endsWith("*")) return subject.name.startsWith(sandbox.slice(0, -1));
    return sandbox === subject.id || sandbox === subject.name;
  }

  /** A restart heals real breakage: such a drill is over without anybody having ended it. */
  #entries(): Entry[] {
    for (const entry of [...this.#on.values()]) {
      if (entry.breakage !== undefined && !entry.breakage.holds()) this.#forget(entry, "healed");
    }
    return [...this.#on.values()];
  }

  async #end(entry: Entry, how: DrillEnd): Promise<DrillView> {
    const { breakage } = entry;
    if (breakage?.holds() === true) {
      try {
        await breakage.undo();
      } catch (error) {
        this.#log.error({ drill: entry.id, error: String(error) }, "a drill was not taken back");
      }
    }
    this.#forget(entry, how);
    return this.#past.find((view) => view.id === entry.id) ?? this.#view(entry);
  }

  #forget(entry: Entry, how: DrillEnd): void {
    if (!this.#on.delete(entry.id)) return;
    clearTimeout(entry.timer);
    if (entry.breakage !== undefined) this.#keepBroken();
    const { id, uses, wish } = entry;
    this.#past.push({ ...this.#view(entry), endedAt: new Date().toISOString(), ended: how });
    this.#past = this.#past.slice(-PAST_MAX);
    this.#log.warn({ drill: id, fault: wish.fault, uses, ended: how }, "a drill is over");
    entry.settle(how);
  }

  #keepBroken(): void {
    const broken = [...this.#on.values()].filter(({ breakage }) => breakage !== undefined);
    this.#keep(broken.map((entry) => this.#view(entry)));
  }

  #view(entry: Entry): DrillView {
    const { wish, sinceMs, lastUseMs } = entry;
    return {
      id: entry.id,
      fault: wish.fault,
      about: specOf(wish.fault).about,
      real: isReal(wish.fault),
      sandbox: wish.sandbox ?? null,
      sandboxId: entry.subject?.id ?? null,
      since: iso(sinceMs),
      until: wish.forMs === undefined ? null : iso(sinceMs + wish.forMs),
      timesLeft: entry.timesLeft,
      uses: entry.uses,
      lastUseAt: lastUseMs === null ? null : iso(lastUseMs),
      endedAt: null,
      ended: null,
    };
  }
}

/** Its last use lasts: it is on until what it holds up goes on. */
function holdsUp(bite: Bite): boolean {
  if (bite.kind === "stuck") return true;
  return bite.kind === "request" && ["hang", "slow", "late"].includes(bite.answer.kind);
}

function iso(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
