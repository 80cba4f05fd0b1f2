/**
 * Compares what the platform lists with what the store knows, both ways, for as long as the hub
 * lives: deletes what should not be there, and tells a session whose sandbox is not listed any
 * more. What a sandbox is to this hub is in standing.ts. It starts nothing and heals nothing. Of
 * several hubs each cares for what its own sessions left, and one for what is of no living session.
 *
 * JA1  Only a sandbox of a session that this store knows is ever deleted: a hub with an older or
 *      another store leaves what it did not ask for alone.
 * JA2  What is listed is deleted after two looks that agree: a listing may lag or skip a page.
 * JA3  The current sandbox of a session, and one that it is asking for, are never touched.
 * JA4  What nobody gave up for certain is left alone until a create could not be under way.
 * JA7  A delete names the id that was judged, never a name that may belong to another one by then.
 */
import type { Clock } from "../base/clock.ts";
import { toHubError } from "../base/hub-error.ts";
import type { Logger } from "../base/log.ts";
import type { ListedSandbox, SandboxProvider } from "../providers/provider.ts";
import type { SessionRecord } from "../store/facts.ts";
import type { Store } from "../store/store.ts";
import type { CostBook, Unowned } from "./cost/cost-book.ts";
import { LABELS } from "./labels.ts";
import { RollCall } from "./roll-call.ts";
import type { Session } from "./session/session.ts";
import type { SoleJob } from "./sole-job.ts";
import { DOOMED, isSame, standingOf, type Standing } from "./standing.ts";

export interface JanitorOptions {
  readonly hubId: string;
  readonly provider: SandboxProvider;
  readonly store: Store;
  readonly sessions: () => readonly Session[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly everyMs: number;
  /** A create may still be under way for this long. */
  readonly youngMs: number;
  /** Hears of the sandboxes that no session's record speaks of. */
  readonly cost: Pick<CostBook, "sight" | "close">;
  /** What is of no living session is one hub's to delete; unset in a hub of its own. */
  readonly job?: SoleJob | undefined;
  /** Where other hubs have sessions, too: many are asked for at once. */
  readonly shared?: SharedRecords | undefined;
}

export interface SharedRecords {
  /** Of these sessions, removed ones included, those that the store knows. */
  findAll(ids: readonly string[]): Promise<ReadonlyMap<string, SessionRecord>>;
}

/** What the last look saw, by standing, and what came of it. */
export interface JanitorCounts {
  readonly seen: Readonly<Partial<Record<Standing, number>>>;
  readonly deleted: number;
  /** Sandboxes that the platform lists for more than an hour after their first delete. */
  readonly stuck: number;
  /** Sandboxes of sessions that two looks did not find. */
  readonly missing: number;
}

/** A sandbox with this hub's label that no record speaks of: nobody deletes it, and it may cost. */
export interface Stray {
  readonly listed: ListedSandbox;
  readonly why: string;
}

interface Sighted {
  readonly listed: ListedSandbox;
  /** Monotonic ms of the first look that listed it. */
  readonly seenAt: number;
  standing: Standing;
  /** Looks in a row that doomed it. */
  looks: number;
}

interface Overdue {
  /** Monotonic ms of the first delete. */
  readonly since: number;
  warned: boolean;
}

/** Platforms work on a delete for minutes; an hour means that somebody has to look at it. */
const STUCK_MS = 60 * 60_000;
const LOOKS_TO_DELETE = 2;
/** Records in one answer of the store: others are served between two. */
const AT_ONCE = 500;

export class Janitor {
  readonly #options: JanitorOptions;
  readonly #rollCall: RollCall;
  #timer: unknown = null;
  #stopped = false;
  #sighted = new Map<string, Sighted>();
  #strays: readonly Stray[] = [];
  /** By the id or name under which the delete was asked for. */
  readonly #overdue = new Map<string, Overdue>();
  #deleted = 0;

  constructor(options: JanitorOptions) {
    this.#options = options;
    this.#rollCall = new RollCall(options.log);
  }

  get counts(): JanitorCounts {
    const seen: Partial<Record<Standing, number>> = {};
    for (const { standing } of this.#sighted.values()) seen[standing] = (seen[standing] ?? 0) + 1;
    const stuck = [...this.#overdue.values()].filter(({ warned }) => warned).length;
    return { seen, deleted: this.#deleted, stuck, missing: this.#rollCall.missing };
  }

  /** Of the last look; of several hubs each knows all of them. */
  get strays(): readonly Stray[] {
    return this.#strays;
  }

  start(): void {
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  #arm(): void {
    const { clock, everyMs, log } = this.#options;
    if (this.#stopped) return;
    this.#timer = clock.setTimeout(() => {
      void this.#look()
        .catch((error: unknown) => {
          log.warn({ error: toHubError(error).message }, "the janitor's look failed");
        })
        .finally(() => this.#arm());
    }, everyMs);
  }

  async #look(): Promise<void> {
    const { provider, hubId, sessions } = this.#options;
    for (const session of sessions()) {
      for (const name of session.record.litter) {
        if (!this.#stopped) await this.#clearLitter(session, name);
      }
    }
    // Sessions that have a sandbox before the listing begins: a younger one cannot be missed yet.
    const expected = sessions().filter(({ record }) => isExpected(record));
    const listed = await provider.list({ [LABELS.hub]: hubId });
    await this.#sight(listed);
    await this.#tellCost();
    for (const sighted of this.#sighted.values()) await this.#sweep(sighted);
    this.#rollCall.look(expected, listed);
  }

  /** What is this hub's to care for; the rest is another's. */
  async #sight(listed: readonly ListedSandbox[]): Promise<void> {
    const isOurs = await this.#share();
    const owners = await this.#ownersOf(listed);
    const now = this.#options.clock.mono();
    const before = this.#sighted;
    this.#sighted = new Map();
    const strays: Stray[] = [];
    for (const one of listed) {
      const known = before.get(one.sandboxId);
      const seenAt = known?.seenAt ?? now;
      const owner = owners.get(sessionOf(one)) ?? null;
      const standing = this.#standingOf(one, owner, seenAt);
      const looks = DOOMED.includes(standing) ? (known?.looks ?? 0) + 1 : 0;
      before.delete(one.sandboxId);
      if (standing === "foreign" && one.labels[LABELS.hub] === this.#options.hubId)
        strays.push({ listed: one, why: owner === null ? NO_RECORD : TOO_NEW });
      if (!isOurs(owner)) continue;
      this.#sighted.set(one.sandboxId, { listed: one, seenAt, standing, looks });
    }
    this.#strays = strays;
    // Deleted at last, after the platform had said that it is at it.
    for (const vanished of before.values()) {
      this.#overdue.delete(vanished.listed.sandboxId);
      await this.#closeCost(vanished);
    }
  }

  async #tellCost(): Promise<void> {
    const all = [...this.#sighted.values()];
    const unowned = await Promise.all(all.map((sighted) => this.#unowned(sighted)));
    this.#options.cost.sight(unowned.filter((one) => one !== null));
  }

  async #closeCost(sighted: Sighted): Promise<void> {
    const unowned = await this.#unowned(sighted);
    // Who asks for a control sandbox counts it; only what was left over is counted here.
    if (unowned !== null && sighted.standing !== "control") this.#options.cost.close(unowned);
  }

  /** What a sandbox costs that no session's record speaks of; null for all others. */
  async #unowned({ listed, seenAt, standing }: Sighted): Promise<Unowned | null> {
    const { clock, store } = this.#options;
    const forMs = Math.max(clock.mono() - seenAt, clock.now() - (listed.createdAt ?? Infinity));
    if (standing === "control" || standing === "control-leftover")
      return { kind: "control", forMs };
    if (standing !== "orphan") return null;
    const owner = await store.find(sessionOf(listed));
    const counted = owner?.detail !== "ended.gone" && owner?.litter.includes(listed.name);
    return counted === true ? null : { kind: "orphaned", forMs };
  }

  /** Whether what this session left, or what none did, is for this hub to delete now. */
  async #share(): Promise<(owner: SessionRecord | null) => boolean> {
    const { job, sessions } = this.#options;
    if (job === undefined) return () => true;
    const hasJob = await job.take();
    const here = new Set(sessions().map(({ record }) => record.id));
    return (owner) => {
      return owner === null || owner.detail === "ended.gone" ? hasJob : here.has(owner.id);
    };
  }

  /** Who has a session knows it, and all others are asked for together: not each by itself. */
  async #ownersOf(listed: readonly ListedSandbox[]): Promise<ReadonlyMap<string, SessionRecord>> {
    const { sessions, store, shared } = this.#options;
    const owners = new Map(sessions().map(({ record }) => [record.id, record]));
    const away = [...new Set(listed.map(sessionOf))].filter((id) => !owners.has(id));
    for (let from = 0; shared !== undefined && from < away.length; from += AT_ONCE) {
      const found = await shared.findAll(away.slice(from, from + AT_ONCE));
      for (const [id, record] of found) owners.set(id, record);
    }
    if (shared !== undefined) return owners;
    for (const id of away) {
      const record = await store.find(id);
      if (record !== null) owners.set(id, record);
    }
    return owners;
  }

  #standingOf(listed: ListedSandbox, owner: SessionRecord | null, seenAt: number): Standing {
    const { hubId, clock, youngMs } = this.#options;
    const seenForMs = clock.mono() - seenAt;
    return standingOf(listed, { hubId, owner, now: clock.now(), seenForMs, youngMs });
  }

  async #sweep(sighted: Sighted): Promise<void> {
    if (this.#stopped || sighted.looks < LOOKS_TO_DELETE) return;
    const { listed, seenAt } = sighted;
    // Earlier deletes of this look took their time: only what is doomed now is deleted now.
    const whose = await this.#options.store.find(sessionOf(listed));
    const isDoomed = DOOMED.includes(this.#standingOf(listed, whose, seenAt));
    if (!isDoomed || !(await this.#share())(whose)) return;
    const { sandboxId, name } = listed;
    if (!(await this.#destroy(sandboxId, name))) return;
    this.#sighted.delete(sandboxId);
    await this.#closeCost(sighted);
    const owner = this.#options.sessions().find(({ record }) => record.id === sessionOf(listed));
    if (owner === undefined) return;
    const quarantine = owner.record.quarantine.filter((kept) => !isSame(listed, kept));
    const text = `${name} (${sandboxId}) is gone: ${WHY[sighted.standing] ?? sighted.standing}`;
    owner.ledger.note("sandbox.deleted", text, { sandboxName: name, sandboxId }, { quarantine });
  }

  /** A sandbox that its session gave up by name; only the id that has the name now is deleted. */
  async #clearLitter(session: Session, name: string): Promise<void> {
    const { provider, log } = this.#options;
    try {
      const claim = await provider.claim(name);
      const wanted = this.#options.sessions().some(({ record }) => {
        return record.sandboxId !== null && record.sandboxId === claim?.sandboxId;
      });
      if (wanted) return;
      if (claim !== null && !(await this.#destroy(claim.sandboxId, name))) return;
    } catch (error) {
      log.warn({ name, error: toHubError(error).message }, "what was given up cannot be read yet");
      return;
    }
    const litter = session.record.litter.filter((other) => other !== name);
    session.ledger.note("sandbox.deleted", `${name} is gone`, { sandboxName: name }, { litter });
  }

  /** True when it is gone. A platform that is busy with it is asked again at the next look. */
  async #destroy(sandboxId: string, name: string): Promise<boolean> {
    const { provider, log } = this.#options;
    try {
      const gone = await provider.destroy(sandboxId);
      log.info({ sandboxId, name, gone }, "deleting what should not be there");
      if (gone) {
        this.#deleted += 1;
        this.#overdue.delete(sandboxId);
        return true;
      }
    } catch (error) {
      log.warn({ sandboxId, name, error: toHubError(error).message }, "not deleted yet");
    }
    this.#noteOverdue(sandboxId, name);
    return false;
  }

  #noteOverdue(sandboxId: string, name: string): void {
    const now = this.#options.clock.mono();
    const overdue = this.#overdue.get(sandboxId) ?? { since: now, warned: false };
    this.#overdue.set(sandboxId, overdue);
    if (overdue.warned || now - overdue.since < STUCK_MS) return;
    overdue.warned = true;
    this.#options.log.warn(
      { sandboxId, name, sinceMs: now - overdue.since },
      "the platform keeps a sandbox that was deleted an hour ago; it may still cost money",
    );
  }
}

const WHY: Readonly<Partial<Record<Standing, string>>> = {
  orphan: "no session had it",
  expired: "its quarantine is over",
};

/** Both come of a store that went back in time: a restore, or a fail-over to a copy that lagged. */
const NO_RECORD = "the store has no record of its session";
const TOO_NEW = "it is newer than all that its session's record asked for";

const sessionOf = ({ labels }: ListedSandbox): string => labels[LABELS.session] ?? "";

/** A session whose own words say that its sandbox exists. */
function isExpected(record: Session["record"]): boolean {
  if (record.sandboxId === null || record.fault?.code === "SandboxGone") return false;
  return ["connected", "suspended", "error"].includes(record.state);
}
