/**
 * Brings the drivers of sandboxes up to the version of this hub, one by one and only where nobody
 * misses the old one: it asks the law, writes the fact, and ends the driver's link in words that
 * every driver takes for its end. Launching the next one, and proving the session anew, is what the
 * ladder does whenever a driver has ended.
 *
 * The first update of a hub is a trial: the others wait for its proof. One that does not come back
 * ends them all, until somebody starts the hub anew.
 */
import type { Clock } from "../../base/clock.ts";
import { writeDuration } from "../../base/duration.ts";
import type { Logger } from "../../base/log.ts";
import { isNewerVersion } from "../../base/version-order.ts";
import type { SessionEvent } from "../../store/facts.ts";
import type { SessionPolicy } from "../session/policy.ts";
import type { Session } from "../session/session.ts";
import type { ControlDesk } from "../session/work-desk.ts";
import type { Sessions } from "../sessions.ts";
import { judgeUpdate, type UpdateVerdict } from "./update-law.ts";

/** Looks in the time that a session must have been quiet for. */
const LOOKS_PER_WAIT = 3;
const LOOK_MS_MAX = 5_000;
/** At once, after the first has proved that updates work here. */
const AT_ONCE_MAX = 8;
const IMPL = /^holdfast-driver\/(\S+)$/;

type Seen = Pick<Session, "record" | "link" | "activity" | "ledger" | "halted">;

export interface DriverUpdatesOptions {
  readonly sessions: Pick<Sessions, "onEvent"> & { readonly all: readonly Seen[] };
  /** Version of the driver that this hub launches; null where its bundle does not say. */
  readonly offered: () => Promise<string | null>;
  readonly control: Pick<ControlDesk, "whyNoRung">;
  /** Within `healMs` a session is proven again, or it did not come back. */
  readonly policy: Pick<SessionPolicy, "driverUpdateMs" | "healMs">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What health says of a driver's version. */
export interface DriverView {
  /** Its own word; null before it came. */
  readonly version: string | null;
  /** What this hub would launch. */
  readonly newest: string | null;
  /** One sentence while they differ: what an update waits for, or why there is none. */
  readonly update: string | null;
}

/** What is known of one session between two looks. */
interface Known {
  version: string | null;
  /** All that people do in it, as one text: while it stays the same nobody uses the session. */
  use: string;
  usedAt: number;
  tries: number;
}

/** From the end of the old driver until the session is proven again. */
interface Update {
  readonly epoch: number;
  readonly sinceMs: number;
}

export class DriverUpdates {
  readonly #options: DriverUpdatesOptions;
  readonly #known = new Map<string, Known>();
  readonly #updating = new Map<string, Update>();
  #offered: string | null = null;
  /** One update of this hub has come back as it should. */
  #proven = false;
  #stopped: string | null = null;
  #timer: unknown = null;
  #isOver = false;
  readonly #unsubscribe: () => void;

  constructor(options: DriverUpdatesOptions) {
    this.#options = options;
    this.#unsubscribe = options.sessions.onEvent((event) => this.#observe(event));
  }

  start(): void {
    const { offered, log } = this.#options;
    void offered().then(
      (version) => {
        this.#offered = version;
        this.#look();
      },
      (error: unknown) => log.warn({ error: String(error) }, "the driver's bundle was not read"),
    );
  }

  stop(): void {
    this.#isOver = true;
    this.#unsubscribe();
    this.#options.clock.clearTimeout(this.#timer);
  }

  view(session: Seen): DriverView {
    const known = this.#known.get(session.record.id);
    const version = known?.version ?? null;
    const update = this.#updating.has(session.record.id)
      ? `update to ${this.#offered ?? ""} is under way`
      : this.#judge(session, known).text;
    return { version, newest: this.#offered, update };
  }

  #observe({ session, kind, data }: SessionEvent): void {
    if (kind !== "driver.attached") return;
    const impl = typeof data["impl"] === "string" ? data["impl"] : "";
    this.#knownOf(session).version = IMPL.exec(impl)?.[1] ?? null;
  }

  #knownOf(id: string): Known {
    let known = this.#known.get(id);
    if (known === undefined) {
      const usedAt = this.#options.clock.mono();
      known = { version: null, use: "", usedAt, tries: 0 };
      this.#known.set(id, known);
    }
    return known;
  }

  #look(): void {
    if (this.#isOver) return;
    const { sessions, policy, clock } = this.#options;
    const here = new Set<string>();
    for (const session of sessions.all) {
      const { id } = session.record;
      here.add(id);
      const known = this.#knownOf(id);
      const update = this.#updating.get(id);
      if (update !== undefined) this.#follow(session, known, update);
      if (!this.#isOld(known)) continue;
      this.#noteUse(session, known);
      if (this.#judge(session, known).step === "update") this.#update(session, known);
    }
    // One that another hub has, or that was removed, is followed no more.
    for (const byId of [this.#known, this.#updating]) {
      for (const id of byId.keys()) if (!here.has(id)) byId.delete(id);
    }
    const waitMs = policy.driverUpdateMs ?? Infinity;
    const lookMs = Math.min(LOOK_MS_MAX, waitMs / LOOKS_PER_WAIT);
    this.#timer = clock.setTimeout(() => this.#look(), lookMs);
  }

  #isOld({ version }: Known): boolean {
    return version !== null && this.#offered !== null && isNewerVersion(this.#offered, version);
  }

  #noteUse(session: Seen, known: Known): void {
    const { human, process, viewer, away } = session.activity.view(session.record, null, []);
    const use = JSON.stringify([human.bytes, process.running, process.lastAt, viewer, away]);
    if (use !== known.use) known.usedAt = this.#options.clock.mono();
    known.use = use;
  }

  #judge(session: Seen, known: Known | undefined): UpdateVerdict {
    const { policy, clock } = this.#options;
    const { record, activity, halted, link } = session;
    const { process, viewer, away } = activity.view(record, null, []);
    return judgeUpdate({
      afterMs: policy.driverUpdateMs,
      running: known?.version ?? null,
      offered: this.#offered,
      detail: halted !== null || link === null ? "not at work" : record.detail,
      commands: process.running,
      clients: viewer.attached,
      away: away?.clients ?? 0,
      quietMs: known === undefined ? 0 : clock.mono() - known.usedAt,
      tries: known?.tries ?? 0,
      held: this.#held(),
    });
  }

  #held(): string | null {
    if (this.#stopped !== null) return this.#stopped;
    const most = this.#proven ? AT_ONCE_MAX : 1;
    if (this.#updating.size >= most) return "others are updated first";
    return this.#options.control.whyNoRung();
  }

  #update(session: Seen, known: Known): void {
    const { link, record, ledger } = session;
    if (link === null) return;
    const [from, to] = [known.version, this.#offered];
    const text = `its driver ends for a newer one: ${from ?? ""} becomes ${to ?? ""}`;
    if (!ledger.tryNote("driver.updating", text, { from, to })) return;
    this.#updating.set(record.id, { epoch: link.epoch, sinceMs: this.#options.clock.mono() });
    link.end("outdated");
  }

  /** How an update went, once that is known. */
  #follow(session: Seen, known: Known, { epoch: before, sinceMs }: Update): void {
    const { clock, policy, log } = this.#options;
    const { id, name, epoch, state, detail } = session.record;
    const isBack = detail === "connected.healthy" && epoch > before;
    const isOver = state === "suspended" || state === "ended";
    const late = clock.mono() - sinceMs > policy.healMs;
    if (isBack) {
      const isOld = this.#isOld(known);
      if (isOld) known.tries += 1;
      else this.#proven = true;
      const said = isOld ? "a driver that is no newer came of an update" : "driver updated";
      log.info({ session: id, name, version: known.version }, said);
    } else if (state === "error" || late) {
      const how = late ? `within ${writeDuration(policy.healMs)}` : `and is in ${detail}`;
      this.#stopped = `${name} did not come back from its update ${how}, so no other is begun`;
      log.error({ session: id, name, detail }, `updates of drivers stop: ${this.#stopped}`);
    }
    // Who paused or removed it meanwhile has other plans with it.
    if (isBack || isOver || state === "error" || late) this.#updating.delete(id);
  }
}
