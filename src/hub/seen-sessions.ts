/**
 * The sessions as one caller sees them: all that routes get of them, so that none can forget whose
 * they are. What this caller may not see is not there: it is neither found nor listed, nor told of
 * in events, and its name is free. What one may do with a session is auth/route-rights.ts.
 */
import { nameWithin } from "../base/tenant.ts";
import type { SessionEvent } from "../store/facts.ts";
import type { Soon } from "../store/soon.ts";
import type { EventQuery } from "../store/store.ts";
import { demandSeen, noSession } from "./auth/guard.ts";
import { meant, sees, type Principal } from "./auth/principal.ts";
import type { Session } from "./session/session.ts";
import type { NewSession, Sessions } from "./sessions.ts";

/** No header can carry it: a key of one tenant is never a key of another, whatever it says. */
const BETWEEN = "\n";

/** One number of the hub's, with what happened under it where the caller may know. */
export interface Told {
  readonly seq: number;
  readonly event: SessionEvent | null;
}

type AllSessions = Pick<Sessions, "known" | "of" | "create" | "events" | "onEvent">;

export class SeenSessions {
  readonly #sessions: AllSessions;
  readonly #principal: Principal;

  constructor(sessions: AllSessions, principal: Principal) {
    this.#sessions = sessions;
    this.#principal = principal;
  }

  /** This hub has it, whether the caller may see it or not. */
  has(idOrName: string): boolean {
    const { tenant } = this.#principal;
    return this.#sessions.known(meant(this.#principal, idOrName), tenant) !== undefined;
  }

  /** @throws HubError SessionNotFound naming what was asked for */
  find(idOrName: string): Session {
    const asking = this.#principal;
    const session = this.#sessions.known(meant(asking, idOrName), asking.tenant);
    if (session === undefined) throw noSession(idOrName);
    demandSeen(asking, idOrName, session.record);
    return session;
  }

  get all(): readonly Session[] {
    const ours = this.#sessions.of(this.#principal.tenant);
    return ours.filter(({ record }) => sees(this.#principal, record));
  }

  /** How many the caller's tenant has, also those that this one may not see. */
  get ofTenant(): number {
    return this.#sessions.of(this.#principal.tenant).length;
  }

  /** The one that was made under this key, if there is one. */
  madeBy(requestKey: string): Session | undefined {
    const key = this.keyOf(requestKey);
    return this.all.find(({ record }) => record.requestKey === key);
  }

  /** In the caller's tenant. @throws HubError as `Sessions.create` */
  create(request: Omit<NewSession, "tenant">): Session {
    const { requestKey, ...asked } = request;
    const { tenant } = this.#principal;
    const { name } = asked;
    const rest = name === undefined ? asked : { ...asked, name: nameWithin(tenant, name) };
    const key = requestKey === undefined ? {} : { requestKey: this.keyOf(requestKey) };
    return this.#sessions.create({ ...rest, ...key, tenant });
  }

  events(query: EventQuery): Soon<readonly Told[]> {
    const page = this.#sessions.events(query);
    return page instanceof Promise ? page.then((found) => this.#told(found)) : this.#told(page);
  }

  onEvent(listener: (told: Told) => void): () => void {
    return this.#sessions.onEvent((event) => {
      for (const told of this.#told([event])) listener(told);
    });
  }

  #told(events: readonly SessionEvent[]): readonly Told[] {
    return events.map((event) => {
      const isSeen = sees(this.#principal, { id: event.session, name: event.name });
      return { seq: event.seq, event: isSeen ? event : null };
    });
  }

  /** What the store knows the caller's key by. */
  keyOf(requestKey: string): string {
    const { tenant } = this.#principal;
    return tenant === null ? requestKey : `${tenant}${BETWEEN}${requestKey}`;
  }
}
