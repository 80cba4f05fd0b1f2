/**
 * Facts in one PostgreSQL that several hubs share. They go through a journal; this class holds what
 * a hub must know to write at all: who it is, and the fence and version of each session it owns.
 * Who owns a session is decided by the rows; when to claim or release one is the cluster's.
 */
import type { Pool } from "pg";
import type { Clock } from "../../base/clock.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { Logger } from "../../base/log.ts";
import { COST_KEYS, noCost, type SandboxCost } from "../cost.ts";
import type { Fact, SessionEvent, SessionRecord } from "../facts.ts";
import { Journal } from "../journal.ts";
import type { RosterQuery } from "../roster.ts";
import type { Appended, EventQuery, Store } from "../store.ts";
import { enterCluster, type ClusterKey } from "./cluster-row.ts";
import { inspect, openPool, unreachable } from "./connect.ts";
import { Gathered } from "./gathered.ts";
import { JobRows } from "./job-rows.ts";
import type { Hold } from "./keep-rows.ts";
import { RightRows } from "./right-rows.ts";
import { migrate } from "./schema.ts";
import { SessionRows, type Owned, type Whereabouts } from "./session-rows.ts";
import { untilThere } from "./until-there.ts";

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  /** This life of this hub: no other ever has the same. */
  readonly inc: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Sessions that a tenant may have at all hubs; as many as it likes when it is left out. */
  readonly tenantSessions?: number | null;
  /** Who shares the database; unset in what looks at one store alone. */
  readonly cluster?: ClusterKey;
  /** Whether this hub holds its lease: without it no fact is taken (CL4). */
  readonly mayAct?: () => boolean;
  /** The same for a fact of a session that it has; it may lag behind by a moment. */
  readonly mayNote?: () => boolean;
}

type Booked = ReturnType<Store["booked"]>;

export class PostgresStore implements Store {
  readonly #pool: Pool;
  readonly #rows: SessionRows;
  readonly #journal: Journal;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #holds = new Map<string, Hold>();
  /** Names of the living sessions that this hub owns, and the way back. */
  readonly #names = new Map<string, string>();
  readonly #nameOf = new Map<string, string>();
  readonly #lookups: Gathered<string, Whereabouts | null>;
  readonly #claims: Gathered<Pick<Whereabouts, "id" | "fence">, Owned | null>;
  #booked: Record<string, { readonly ms: number; readonly count: number }>;
  readonly #unbooked: { readonly kind: string; readonly ms: number }[] = [];
  #booking: Promise<void> | null = null;
  readonly #endedCost: SandboxCost | null;
  readonly #mayAct: () => boolean;
  readonly #mayNote: () => boolean;
  /** The same for all hubs on this database, for as long as it lives; empty without a key. */
  readonly clusterId: string;
  readonly jobs: JobRows;
  readonly rights: RightRows;

  /** For who has a pool of a database that is ready; all others `open` one. */
  constructor(
    options: PostgresOptions,
    pool: Pool,
    read: { booked: Booked; endedCost: SandboxCost | null; clusterId: string },
  ) {
    const { inc, clock, log, mayAct = () => true, mayNote = mayAct } = options;
    this.#pool = pool;
    this.#log = log;
    this.#clock = clock;
    this.#mayAct = mayAct;
    this.#mayNote = mayNote;
    this.clusterId = read.clusterId;
    this.#rows = new SessionRows(pool, inc, options.tenantSessions);
    this.jobs = new JobRows(pool, inc);
    this.rights = new RightRows(pool);
    this.#lookups = new Gathered(async (asked) => {
      const places = await this.#rows.whereabouts(asked);
      const byName = new Map(places.map((place) => [place.name, place]));
      const byId = new Map(places.map((place) => [place.id, place]));
      return (idOrName) => byId.get(idOrName) ?? byName.get(idOrName) ?? null;
    });
    this.#claims = new Gathered(async (seen) => {
      const owned = await this.#rows.claimAll(seen);
      const byId = new Map(owned.map((one) => [one.record.id, one]));
      return ({ id }) => {
        const won = byId.get(id) ?? null;
        // Of two that ask for one session, one gets it.
        byId.delete(id);
        return won;
      };
    });
    this.#booked = { ...read.booked } as Record<string, { ms: number; count: number }>;
    this.#endedCost = read.endedCost;
    const keep: ConstructorParameters<typeof Journal>[0]["keep"] = async (number, batch) => {
      const verdicts = await this.#rows.keep(`${inc}:${number}`, batch, this.#holds);
      for (const { session, facts } of batch) {
        const hold = this.#holds.get(session) ?? { fence: 1, version: 0 };
        if (verdicts.get(session)?.kept !== true) this.#unname(session);
        else this.#holds.set(session, { ...hold, version: hold.version + facts.length });
      }
      return verdicts;
    };
    this.#journal = new Journal({ keep }, clock);
  }

  /** @throws HubError StoreUnreachable, StoreCorrupt */
  static async open(options: PostgresOptions): Promise<PostgresStore> {
    const { url, log } = options;
    const pool = openPool(url, (error) => {
      log.warn({ error: error.message }, "a connection to PostgreSQL ended");
    });
    try {
      const clusterId = await prepare(pool, options);
      const rows = new SessionRows(pool, options.inc);
      const endedCost = costOf(await rows.endedCost());
      return new PostgresStore(options, pool, {
        booked: await readBooked(pool),
        endedCost,
        clusterId,
      });
    } catch (error) {
      await pool.end();
      throw unreachable(url, error);
    }
  }

  async load(): Promise<readonly SessionRecord[]> {
    const waits = (why: string): void => this.#log.warn({ why }, "the start waits for PostgreSQL");
    const owned = await untilThere(() => this.#rows.owned(), { clock: this.#clock, waits });
    return owned.map((one) => this.#hold(one));
  }

  create(record: SessionRecord, fact: Fact): Appended | null {
    if (this.#names.has(record.name)) return null;
    this.#demand(this.#mayAct);
    const appended = this.#journal.append(record, fact, true);
    this.#note(appended.record);
    return appended;
  }

  append(record: SessionRecord, fact: Fact): Appended {
    this.#demand(this.#mayNote);
    const appended = this.#journal.append(record, fact, false);
    this.#note(appended.record);
    return appended;
  }

  settled(sessionId: string): Promise<void> | null {
    return this.#journal.settled(sessionId);
  }

  find(sessionId: string): Promise<SessionRecord | null> {
    return this.#rows.find(sessionId);
  }

  whereabouts(idOrName: string): Promise<Whereabouts | null> {
    return this.#lookups.one(idOrName);
  }

  madeUnder(requestKey: string): Promise<Whereabouts | null> {
    return this.#rows.madeUnder(requestKey);
  }

  findAll(ids: readonly string[]): ReturnType<SessionRows["findAll"]> {
    return this.#rows.findAll(ids);
  }

  roster(query: RosterQuery): ReturnType<SessionRows["roster"]> {
    return this.#rows.roster(query);
  }

  places(): ReturnType<SessionRows["places"]> {
    return this.#rows.places();
  }

  owners(): ReturnType<SessionRows["owners"]> {
    return this.#rows.owners();
  }

  /** @returns null when another hub was faster, or what this one wrote of it is on its way */
  async claim(id: string, seenFence: number): Promise<SessionRecord | null> {
    // It has ended here, and the store does not know: behind a claim its end would be another's.
    if (this.settled(id) !== null) return null;
    const owned = await this.#claims.one({ id, fence: seenFence });
    return owned === null ? null : this.#hold(owned);
  }

  orphans(dead: readonly string[], limit: number): Promise<readonly Whereabouts[]> {
    return this.#rows.orphans(dead, limit);
  }

  /** @returns those that no other hub was faster with */
  async claimAll(
    seen: readonly Pick<Whereabouts, "id" | "fence">[],
  ): Promise<readonly SessionRecord[]> {
    return (await this.#rows.claimAll(seen)).map((owned) => this.#hold(owned));
  }

  /** Gives sessions back whose facts are kept; no fact of them is taken from now on. */
  async release(ids: readonly string[]): Promise<readonly string[]> {
    await Promise.allSettled(ids.flatMap((id) => this.settled(id) ?? []));
    const moved = new HubError("SessionMoved", "this hub gave the session back");
    for (const id of ids) this.forget(id, moved);
    return this.#rows.release(ids);
  }

  unproven(ids: readonly string[]): ReturnType<SessionRows["unproven"]> {
    return this.#rows.unproven(ids);
  }

  /** The session is no longer this hub's. */
  forget(id: string, why: HubError): void {
    this.#journal.drop(id, why);
    this.#unname(id);
  }

  book(kind: string, ms: number): void {
    const before = this.#booked[kind] ?? { ms: 0, count: 0 };
    this.#booked[kind] = { ms: before.ms + ms, count: before.count + 1 };
    this.#unbooked.push({ kind, ms });
    this.#booking ??= this.#book().finally(() => (this.#booking = null));
  }

  /** What PostgreSQL refuses now is booked with the next; no money rests on it alone. */
  async #book(): Promise<void> {
    for (let [next] = this.#unbooked; next !== undefined; [next] = this.#unbooked) {
      try {
        await this.#pool.query(
          `INSERT INTO booked (kind, ms, count) VALUES ($1, $2, 1)
           ON CONFLICT (kind) DO UPDATE
           SET ms = booked.ms + excluded.ms, count = booked.count + 1`,
          [next.kind, Math.round(next.ms)],
        );
      } catch (error) {
        this.#log.warn({ error: toHubError(error).message }, "sandbox time is not booked yet");
        return;
      }
      this.#unbooked.shift();
    }
  }

  booked(): Booked {
    return { ...this.#booked };
  }

  /** As it was when this hub opened the store; what ends later is counted by who ended it. */
  endedCost(): SandboxCost | null {
    return this.#endedCost;
  }

  events(query: EventQuery): Promise<readonly SessionEvent[]> {
    return this.#rows.events(query);
  }

  check(): void {
    const { trouble } = this.#journal;
    if (trouble !== null) throw trouble;
    this.#demand(this.#mayAct);
  }

  /** Whoever may not act concludes nothing for long: what it saw may be another hub's to judge. */
  #demand(isLeased: () => boolean): void {
    if (isLeased()) return;
    const hint = "It goes on by itself once PostgreSQL answers this hub again.";
    throw new HubError("StoreRefuses", "this hub's lease is over", { hint });
  }

  async close(): Promise<void> {
    await this.#journal.close();
    await this.#booking;
    await this.#pool.end();
  }

  #hold({ fence, version, record }: Owned): SessionRecord {
    this.#holds.set(record.id, { fence, version });
    this.#journal.adopt(record.id);
    this.#note(record);
    return record;
  }

  #note({ id, name, detail }: SessionRecord): void {
    if (detail === "ended.gone") this.#freeName(id);
    else {
      this.#names.set(name, id);
      this.#nameOf.set(id, name);
    }
  }

  #unname(id: string): void {
    this.#holds.delete(id);
    this.#freeName(id);
  }

  #freeName(id: string): void {
    const name = this.#nameOf.get(id);
    this.#nameOf.delete(id);
    if (name !== undefined && this.#names.get(name) === id) this.#names.delete(name);
  }
}

/** Makes the tables where there are none. @returns the cluster's id, empty without a key */
async function prepare(pool: Pool, { log, cluster }: PostgresOptions): Promise<string> {
  const client = await pool.connect();
  try {
    for (const odd of await inspect(client)) log.warn({}, `PostgreSQL: ${odd}`);
    await migrate(client);
    return cluster === undefined ? "" : await enterCluster(client, cluster);
  } finally {
    client.release();
  }
}

/** From the sums in the order of the column. */
function costOf(sums: readonly number[] | null): SandboxCost | null {
  if (sums === null) return null;
  const cost: Record<string, number> = {};
  for (const [at, key] of COST_KEYS.entries()) cost[key] = sums[at] ?? 0;
  return { ...noCost(0), ...cost };
}

async function readBooked(pool: Pool): Promise<Booked> {
  const { rows } = await pool.query<{ kind: string; ms: string; count: string }>(
    "SELECT kind, ms, count FROM booked",
  );
  return Object.fromEntries(
    rows.map(({ kind, ms, count }) => [kind, { ms: Number(ms), count: Number(count) }]),
  );
}
