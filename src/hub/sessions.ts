/**
 * All sessions of this hub: made from facts at start, found by id or name, watched by whoever
 * waits for a verdict. Owns the registry and the event feed; what a session does is its own.
 */
import { isDeepStrictEqual } from "node:util";
import { HubError, toHubError } from "../base/hub-error.ts";
import { newId, whyNotSessionName } from "../base/ids.ts";
import { createRedact, type Redact } from "../base/redact.ts";
import { fullNameOf, tenantOf } from "../base/tenant.ts";
import { PatrolPace } from "../probes/pace.ts";
import { ProofQueue } from "../probes/proof-queue.ts";
import { newRecord } from "../store/facts.ts";
import type { Fact, SessionEvent, SessionRecord, SessionSpec } from "../store/facts.ts";
import { isRefusal } from "../store/refusal.ts";
import { whenThere, type Soon } from "../store/soon.ts";
import type { Appended, EventQuery, Store } from "../store/store.ts";
import { CostBook } from "./cost/cost-book.ts";
import { startMs } from "./session/start-law.ts";
import { SessionIndex } from "./session-index.ts";
import { SessionWaiters } from "./session-waiters.ts";
import { SessionLedger } from "./session/ledger.ts";
import { FormerOwner } from "./session/former-owner.ts";
import { isAtRest } from "./session/outcome.ts";
import { Session, type SessionParts } from "./session/session.ts";
import type { WorkingParts } from "./session/workings.ts";
import { Standstill, type StoreTrouble } from "./standstill.ts";
import { UnreadSessions } from "./unread-sessions.ts";

/** Read or started in one turn; thousands at once would hold up whoever asks meanwhile. */
const PER_TURN = 200;

/** Connected, and in doubt for the moment. */
const PROVING: readonly string[] = ["connected.suspect", "connected.rechecking"];

/** Whoever asked is told that it is not known, before its own patience ends. */
const KEPT_MS = 5_000;

export interface NewSession {
  readonly name?: string;
  /** Whose it is; the hub's own without one. */
  readonly tenant?: string | null;
  readonly spec: SessionSpec;
  /** Idempotency-Key: the same key again finds the session that it made. */
  readonly requestKey?: string;
}

export interface SessionsParts extends SessionParts {
  /** The platform as one session calls it; the same for all when it is not given. */
  readonly providerFor?: (sessionId: string) => SessionParts["provider"];
  /** Whether somebody has the session open, or waits for it to come back; nobody unless given. */
  readonly hasClients?: (sessionId: string) => boolean;
}

export class Sessions {
  readonly #parts: SessionsParts & WorkingParts;
  readonly #store: Store;
  readonly #secrets: readonly string[];
  /** For sessions whose environment is empty. */
  readonly #redact: Redact;
  readonly #index = new SessionIndex();
  readonly #listeners = new Set<(event: SessionEvent) => void>();
  readonly #waiters: SessionWaiters;
  readonly #standstill: Standstill;
  #stopped = false;
  /** Null when all sessions are read. */
  #unread: UnreadSessions | null = null;
  #whole: Promise<void> | null = null;
  /** A session was let go because the store took no fact of this hub: it may have no owner. */
  onLost: () => void = () => undefined;
  /** What the sandboxes of all of them cost. */
  readonly cost: CostBook;

  /** `secrets` are hidden in all that sessions say: a platform may repeat what it was sent. */
  constructor(parts: SessionsParts, store: Store, secrets: readonly string[] = []) {
    const { patrolsPerMinute, driverPatrolsPerMinute } = parts.policy;
    const pace = {
      platform: new PatrolPace(patrolsPerMinute),
      driver: new PatrolPace(driverPatrolsPerMinute),
    };
    this.#waiters = new SessionWaiters(parts.clock);
    const isWanted = (id: string): boolean =>
      this.#waiters.has(id) || parts.hasClients?.(id) === true;
    this.#parts = {
      ...parts,
      pace,
      proofs: new ProofQueue(parts.clock, isWanted, () => this.isCrowded),
    };
    this.#store = store;
    this.#standstill = new Standstill(store, parts);
    this.#secrets = secrets;
    this.#redact = createRedact(secrets);
    const living = () => this.all.map(({ record }) => record);
    this.cost = new CostBook({ store, clock: parts.clock, living });
  }

  /** Boots every session from its facts; those that sleep are read once this is over. */
  async start(): Promise<void> {
    const loaded = this.#store.load();
    // Where it is there at once, sessions are known in this very turn.
    const records = loaded instanceof Promise ? await loaded : loaded;
    for (const record of records) {
      this.#add(record, false);
      if (this.count % PER_TURN === 0) await nextTurn();
    }
    const { asleep } = this.#store;
    if (asleep !== undefined) this.#unread = new UnreadSessions(asleep, this.ids);
    this.#parts.queue?.expects(this.living);
    for (const [n, session] of this.all.entries()) {
      session.start();
      if ((n + 1) % PER_TURN === 0) await nextTurn();
    }
    if (this.#unread === null) return;
    this.#whole = this.#readRest(this.#unread);
    this.#whole.catch((error: unknown) => {
      // Whoever asks for all of them is told; one by one they may still be found.
      this.#parts.log.error({ err: error }, "sessions that sleep cannot be read");
    });
  }

  async #readRest(unread: UnreadSessions): Promise<void> {
    await unread.readAll(
      (record) => this.#add(record, false).start(),
      () => this.#stopped,
    );
    if (this.#stopped) return;
    this.#unread = null;
    this.#whole = null;
    this.#parts.log.info({ sessions: this.count }, "all sessions are read");
  }

  /**
   * Null once all sessions are read: until then `known` finds each of them, and what tells of all
   * is not all. Rejected when they cannot be read.
   */
  get whole(): Promise<void> | null {
    return this.#whole;
  }

  stop(): void {
    this.#stopped = true;
    this.#standstill.stop();
    for (const session of this.all) session.stop();
  }

  get all(): readonly Session[] {
    return this.#index.all(null);
  }

  /** Those of one tenant; null is the whole hub. */
  of(tenant: string | null): readonly Session[] {
    return this.#index.all(tenant);
  }

  /** Since when, wall ms, the store takes no facts, and why; null while it does. */
  get storeTrouble(): StoreTrouble | null {
    return this.#standstill.trouble;
  }

  /** How many should be running now. */
  get living(): number {
    let count = 0;
    for (const { record } of this.all) if (record.desired === "connected") count += 1;
    return count;
  }

  /** Drivers wait at this hub's doors. */
  get isCrowded(): boolean {
    return this.#parts.queue?.isCrowded === true;
  }

  /** By id or full name; within one tenant there are no others. */
  known(idOrName: string, tenant: string | null = null): Session | undefined {
    const found = this.#index.known(idOrName, tenant);
    const record = found === undefined ? (this.#unread?.find(idOrName) ?? null) : null;
    if (record === null || (tenant !== null && tenantOf(record.name) !== tenant)) return found;
    const session = this.#add(record, false);
    session.start();
    return session;
  }

  /** @throws HubError SessionNotFound naming what was asked for. */
  find(idOrName: string): Session {
    const session = this.known(idOrName);
    if (session !== undefined) return session;
    throw new HubError("SessionNotFound", `there is no session ${JSON.stringify(idOrName)}`);
  }

  /** @throws HubError BadRequest or SessionNameTaken; nothing was asked of the platform then. */
  create(request: NewSession): Session {
    const { requestKey, tenant = null } = request;
    if (requestKey !== undefined) {
      const made = this.of(tenant).find(({ record }) => record.requestKey === requestKey);
      if (made !== undefined) return sameRequest(made, request);
    }
    const { clock, random, policy } = this.#parts;
    const id = newId("ses", random);
    const given = request.name ?? `s-${id.slice(-6)}`;
    const wrong = whyNotSessionName(given);
    if (wrong !== null) throw new HubError("BadRequest", wrong);
    const name = fullNameOf(tenant, given);
    const at = clock.now();
    const fact = {
      kind: "session.created" as const,
      at,
      text: `session ${name} wanted`,
      data: { spec: { ...request.spec, env: Object.keys(request.spec.env) } },
      change: { deadlineAt: at + startMs(request.spec, policy) },
    };
    const blank = newRecord(id, name, request.spec, at);
    const kept = this.#keepNew(requestKey === undefined ? blank : { ...blank, requestKey }, fact);
    if (kept === null) {
      throw new HubError("SessionNameTaken", `there is a session ${JSON.stringify(name)} already`);
    }
    whenThere(
      kept.event,
      (event) => this.#publish(event),
      (error) => this.known(id)?.ledger.onRefused(toHubError(error)),
    );
    const session = this.#add(kept.record, true);
    session.start();
    return session;
  }

  #keepNew(record: SessionRecord, fact: Fact): Appended | null {
    try {
      return this.#store.create(record, fact);
    } catch (error) {
      if (isRefusal(error)) this.#standstill.refused(error.message);
      throw error;
    }
  }

  /**
   * What was asked of the session is kept: only then may anybody be told that it was done. Who may
   * wait longer is told no sooner that it is not known.
   * @throws HubError StoreRefuses, of unknown outcome, when the store does not say in time;
   * SessionMoved, SessionNameTaken
   */
  async kept(session: Session, waitMs = 0): Promise<void> {
    const settled = session.ledger.settled();
    if (settled === null) return;
    const { clock } = this.#parts;
    const late = Promise.withResolvers<never>();
    const patienceMs = Math.max(KEPT_MS, waitMs);
    const timer = clock.setTimeout(() => {
      const said = `the store did not keep it within ${patienceMs / 1_000} s; it still may`;
      late.reject(new HubError("StoreRefuses", said, { outcomeUnknown: true }));
    }, patienceMs);
    try {
      await Promise.race([settled, late.promise]);
    } finally {
      clock.clearTimeout(timer);
    }
  }

  /** The session once it rests, or as it is when the time is up. */
  verdict(session: Session, waitMs: number): Promise<void> {
    return this.#until(session, waitMs, isAtRest);
  }

  /** The session once it is not being looked at any more. */
  proven(session: Session, waitMs: number): Promise<void> {
    const isProven = (record: SessionRecord): boolean =>
      isAtRest(record) && !PROVING.includes(record.detail);
    return this.#until(session, waitMs, isProven);
  }

  #until(
    session: Session,
    waitMs: number,
    isReached: (record: SessionRecord) => boolean,
  ): Promise<void> {
    const isGone = (): boolean => this.known(session.record.id) !== session;
    const isOver = (): boolean => isReached(session.record) || isGone();
    return this.#waiters.until(session.record.id, waitMs, isOver);
  }

  events(query: EventQuery): Soon<readonly SessionEvent[]> {
    return this.#store.events(query);
  }

  onEvent(listener: (event: SessionEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #add(record: SessionRecord, isNew: boolean, former?: FormerOwner): Session {
    const { clock, providerFor } = this.#parts;
    const provider = providerFor?.(record.id) ?? this.#parts.provider;
    const isOwn = former !== undefined || provider !== this.#parts.provider;
    // No function of it may hold this record: it would be kept beside each that follows.
    const { id, spec } = record;
    const env = Object.values(spec.env);
    const ledger = new SessionLedger({
      store: this.#store,
      clock,
      record,
      isNew,
      publish: (event) => this.#publish(event),
      redact: env.length === 0 ? this.#redact : createRedact([...this.#secrets, ...env]),
    });
    const session = new Session({
      parts: isOwn ? { ...this.#parts, provider, ...(former && { former }) } : this.#parts,
      ledger,
      isTaken: (sandboxId) => this.#hasAnother(id, sandboxId),
      onEntered: (entered) => this.#entered(entered),
      onHalted: (halted) => {
        if (halted.halted?.isLost === true) this.#lose(halted);
        else this.#standstill.halted(halted);
      },
    });
    this.#index.put(session);
    this.#unread?.meet(id);
    return session;
  }

  /**
   * The store calls it this hub's from now on: it goes on from its facts, as after a restart. What
   * its former owner asked of the platform may arrive there for `quietMs`.
   */
  adopt(record: SessionRecord, quietMs: number): void {
    if (this.#stopped || this.known(record.id) !== undefined) return;
    this.#parts.queue?.lost();
    this.#add(record, false, new FormerOwner(this.#parts.clock, quietMs)).start();
  }

  /**
   * Given back: no act of them follows. What is returned tells their links to go where they will
   * be; until then bytes go on between client and driver.
   */
  let(ids: readonly string[]): () => void {
    const farewells = ids
      .map((id) => this.known(id))
      .filter((session) => session !== undefined)
      .map((session) => this.#letGo(session));
    return () => {
      for (const tellLink of farewells) tellLink();
    };
  }

  get count(): number {
    return this.#index.count;
  }

  /** Ids of all that this hub has. */
  get ids(): readonly string[] {
    return this.#index.ids;
  }

  #hasAnother(id: string, sandboxId: string): boolean {
    const has = ({ record }: Session) => record.id !== id && record.sandboxId === sandboxId;
    return this.all.some(has) || this.#unread?.has(sandboxId) === true;
  }

  /** Another hub has it: here it is as if it never was, and its driver dials who has it. */
  #lose(session: Session): void {
    const { id, name } = session.record;
    this.#parts.log.warn({ session: id, name, why: session.halted?.text }, "session let go");
    this.#letGo(session)();
    this.onLost();
  }

  #letGo(session: Session): () => void {
    const { link } = session;
    this.#standstill.letGo(session);
    this.#index.drop(session);
    // The end of its link is no news of the session, which others go on with.
    session.stop();
    this.#waiters.changed(session.record.id);
    return () => link?.end("moved");
  }

  #entered(session: Session): void {
    const { id, detail } = session.record;
    if (detail === "ended.gone" && this.known(id) === session) {
      this.cost.end(session.record);
      this.#index.drop(session);
    }
    this.#waiters.changed(id);
  }

  #publish(event: SessionEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((turn) => setImmediate(turn));
}

/** @throws HubError BadRequest when the key was used for something else: neither may win. */
function sameRequest(made: Session, request: NewSession): Session {
  const { name, spec } = made.record;
  const { tenant = null } = request;
  const named = request.name === undefined || fullNameOf(tenant, request.name) === name;
  if (named && isDeepStrictEqual(spec, request.spec)) return made;
  throw new HubError("BadRequest", "this Idempotency-Key was used for another request");
}
