/**
 * All sessions of all hubs: which there are is told by the store they share, how they are by the
 * hubs that have them. One that does not answer is waited for once, and not for long: until it
 * does, the store tells of its sessions, marked as such.
 */
import { request } from "node:http";
import type { Socket } from "node:net";
import { json } from "node:stream/consumers";
import type { Clock } from "../../base/clock.ts";
import { withDeadline } from "../../base/deadline.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { Logger } from "../../base/log.ts";
import type { SessionRecord } from "../../store/facts.ts";
import type { Enrolled, RosterQuery } from "../../store/roster.ts";
import type { Principal } from "../auth/principal.ts";
import type { SessionView } from "../server/session-view.ts";
import type { ClusterSeat } from "./open-cluster.ts";
import { AS_HEADER, asHeader } from "./peer-door.ts";
import { dialPeer } from "./peer-greeting.ts";
import type { HubRow } from "./roll-book.ts";

/** A person waits for the list. */
const ANSWER_MS = 1_000;
/** One that did not answer is left alone for so long: a list of many pages waits for it seldom. */
const LEFT_ALONE_MS = 2_000;

/** What is known of one session, and by whom. */
export type Said =
  | { readonly id: string; readonly hub: string; readonly view: SessionView }
  | {
      readonly id: string;
      /** Null while none has it. */
      readonly hub: string | null;
      readonly record: SessionRecord;
      /** Why its hub does not say it. */
      readonly stale: string;
    };

interface Heard {
  readonly hub: string | null;
  readonly views: readonly SessionView[];
  /** Of those that it said nothing of. */
  readonly stale: string;
}

export interface RosterParts {
  readonly seat: Pick<ClusterSeat, "peerKey" | "name"> & {
    readonly store: Pick<ClusterSeat["store"], "roster" | "find" | "findAll">;
    readonly members: Pick<ClusterSeat["members"], "hubs" | "inc">;
  };
  readonly clock: Clock;
  readonly log: Logger;
}

export class Roster {
  readonly #parts: RosterParts;
  /** Hubs by life that did not answer, and monotonic ms until which they are not asked. */
  readonly #silent = new Map<string, number>();

  constructor(parts: RosterParts) {
    this.#parts = parts;
  }

  /** What this hub is called among the others. */
  get name(): string {
    return this.#parts.seat.name;
  }

  /** Null when there never was the session that they are to follow. @throws HubError */
  async enrolled(query: RosterQuery): Promise<readonly Enrolled[] | null> {
    const { store } = this.#parts.seat;
    const found = await store.roster(query);
    if (found.length > 0 || query.after === null) return found;
    return (await store.find(query.after)) === null ? null : found;
  }

  /** Of sessions that this hub does not have; in any order. @throws HubError */
  async told(wanted: readonly Enrolled[], as: Principal): Promise<readonly Said[]> {
    const byOwner = Map.groupBy(wanted, ({ owner }) => owner);
    const asked = [...byOwner].map(async ([owner, theirs]) => {
      const ids = theirs.map(({ id }) => id);
      return { ids, heard: await this.#hear(owner, ids, as) };
    });
    const said: Said[] = [];
    const left = new Map<string, Heard>();
    for (const { ids, heard } of await Promise.all(asked)) {
      const views = new Map(heard.views.map((view) => [view.id, view]));
      for (const id of ids) {
        const view = views.get(id);
        if (view === undefined || heard.hub === null) left.set(id, heard);
        else said.push({ id, hub: heard.hub, view });
      }
    }
    if (left.size === 0) return said;
    for (const [id, record] of await this.#parts.seat.store.findAll([...left.keys()])) {
      const { hub = null, stale = "" } = left.get(id) ?? {};
      said.push({ id, hub, record, stale });
    }
    return said;
  }

  async #hear(owner: string | null, ids: readonly string[], as: Principal): Promise<Heard> {
    const { seat, log, clock } = this.#parts;
    const { hubs, inc } = seat.members;
    if (owner === inc)
      return { hub: seat.name, views: [], stale: "this hub takes it in this moment" };
    const hub = hubs.find((one) => one.inc === owner && one.state !== "dead");
    if (hub === undefined) return { hub: null, views: [], stale: "no hub has it now" };
    const { name } = hub;
    const none = { hub: name, views: [], stale: `the hub ${name} does not answer` };
    if (clock.mono() < (this.#silent.get(hub.inc) ?? 0)) return none;
    try {
      const views = await this.#ask(hub, ids, as);
      return { hub: name, views, stale: `it moves away from the hub ${name}` };
    } catch (error) {
      log.warn({ hub: name, error: toHubError(error).message }, "a hub told nothing for a list");
      for (const known of this.#silent.keys()) {
        if (!hubs.some((one) => one.inc === known)) this.#silent.delete(known);
      }
      this.#silent.set(hub.inc, clock.mono() + LEFT_ALONE_MS);
      return none;
    }
  }

  #ask(hub: HubRow, ids: readonly string[], as: Principal): Promise<readonly SessionView[]> {
    const query = new URLSearchParams({ id: ids.join(","), limit: String(ids.length) });
    const path = `/v1/sessions?health=true&${query.toString()}`;
    const late = (): HubError => new HubError("HubUnreachable", `no answer in ${ANSWER_MS} ms`);
    const work = async (signal: AbortSignal): Promise<readonly SessionView[]> => {
      const socket = await dialPeer(hub, this.#parts.seat.peerKey);
      signal.addEventListener("abort", () => socket.destroy());
      if (signal.aborted) {
        socket.destroy();
        throw late();
      }
      const page = (await answerOf(socket, path, as)) as { readonly items: SessionView[] };
      return page.items;
    };
    return withDeadline(this.#parts.clock, ANSWER_MS, work, late);
  }
}

function answerOf(socket: Socket, path: string, as: Principal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { [AS_HEADER]: asHeader(as) };
    const asking = request({ createConnection: () => socket, path, headers });
    // The greeting left it paused, which no listener undoes by itself.
    asking.once("socket", () => socket.resume());
    asking.once("error", reject);
    asking.once("response", (answer) => {
      const { statusCode = 0 } = answer;
      if (statusCode === 200) json(answer).then(resolve, reject);
      else {
        socket.destroy();
        reject(new HubError("HubUnreachable", `it answered ${statusCode}`));
      }
    });
    asking.end();
  });
}
