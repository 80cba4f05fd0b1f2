/**
 * WebSockets for sessions that this hub does not have: whoever dials is let in here, waits until
 * somebody can tell who has the session, and is joined to that hub. A driver makes it this hub's
 * when it is nobody's.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { demandSeen } from "../auth/guard.ts";
import { isConfined, meant, type Principal } from "../auth/principal.ts";
import type { Elsewhere } from "../cluster/company.ts";
import { spliceUpgrade } from "../cluster/splice.ts";
import type { Sessions } from "../sessions.ts";
import type { Access } from "./access.ts";
import { starting } from "./starting.ts";
import { admitPerson, checkHandshake, countLink } from "./subprotocols.ts";

export interface Wanted {
  readonly session: string;
  readonly isDriver: boolean;
}

export interface FarRoadOptions {
  readonly access: Access;
  readonly sessions: Pick<Sessions, "known">;
  readonly elsewhere: Elsewhere;
  readonly isReady: () => boolean;
}

export class FarRoad {
  readonly #options: FarRoadOptions;
  /** Those that wait, or are joined to another hub. No server and no switchboard knows of them. */
  readonly #travellers = new Set<Duplex>();

  constructor(options: FarRoadOptions) {
    this.#options = options;
  }

  /**
   * What it names that may be elsewhere; null when it is to be answered here, whatever comes of it.
   * Which session a client means is known once it is known who that is.
   */
  wants(request: IncomingMessage): Wanted | null {
    const { access, sessions, elsewhere } = this.#options;
    if (!elsewhere.isShared || elsewhere.isPeer(request)) return null;
    const [path, query = ""] = (request.url ?? "").split("?");
    const isDriver = path === "/v1/driver";
    if (!isDriver && path !== "/v1/client") return null;
    const session = isDriver
      ? access.driverOwner(request.headers.authorization).sessionId
      : (new URLSearchParams(query).get("session") ?? "");
    const isHere = isDriver && sessions.known(session) !== undefined;
    return session === "" || isHere ? null : { session, isDriver };
  }

  /** `here` goes on with it on this hub, for the one who was let in. @throws HubError */
  async take(
    { session: asked, isDriver }: Wanted,
    dialled: { readonly request: IncomingMessage; readonly socket: Duplex; readonly head: Buffer },
    here: (person: Principal | null) => void,
  ): Promise<void> {
    const { access, sessions, elsewhere, isReady } = this.#options;
    const { request, socket, head } = dialled;
    checkHandshake(access, request);
    if (!isReady()) throw starting();
    this.#travellers.add(socket);
    socket.once("close", () => this.#travellers.delete(socket));
    if (await hasLeft(socket)) return;
    const person = isDriver ? null : admitPerson(access, request, { route: "WS /v1/client" });
    const session = person === null ? asked : meant(person, asked);
    const stay = (): void => {
      this.#travellers.delete(socket);
      here(person);
    };
    if (person !== null && sessions.known(session, person.tenant) !== undefined) {
      // What of it this one may see is said as an answer on its link.
      stay();
      return;
    }
    // Nobody is dialled for a session that the caller may not see.
    if (person !== null && isConfined(person)) {
      demandSeen(person, asked, await elsewhere.place(session));
    }
    const way = await elsewhere.reach(session, isDriver);
    if (await hasLeft(socket)) {
      way?.peer.destroy();
      return;
    }
    if (way === null) {
      stay();
      return;
    }
    if (person === null) countLink(access, request, `driver of ${session}`);
    else
      socket.once(
        "close",
        access.admitted.hold(person, () => socket.destroy()),
      );
    spliceUpgrade(request, socket, head, { peer: way.peer, as: person });
  }

  /** Ends all of them, or this hub's listeners would wait for as long as they like to stay. */
  close(): void {
    for (const socket of this.#travellers) socket.destroy();
  }
}

/**
 * Whether nobody is at the other end any more, who waited for longer than he dials. What follows
 * the head is read in the next turn, and an end is told to whom asks for what comes before it.
 */
async function hasLeft(socket: Duplex): Promise<boolean> {
  for (let turn = 0; turn < 2; turn++) await new Promise((next) => setImmediate(next));
  socket.read(0);
  await new Promise((next) => process.nextTick(next));
  if (socket.readableEnded) socket.destroy();
  return socket.destroyed;
}
