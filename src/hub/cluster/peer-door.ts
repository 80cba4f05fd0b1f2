/**
 * Where other hubs of the cluster come in: a listener of its own, on which nobody but a hub that
 * knows the cluster's secret gets a byte through. What comes in is served like any other request,
 * for the one whom the other hub has let in.
 */
import { createServer, type IncomingMessage, type Server as HttpServer } from "node:http";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { toHubError, HubError } from "../../base/hub-error.ts";
import type { Logger } from "../../base/log.ts";
import type { Principal } from "../auth/principal.ts";
import { Acceptors } from "../server/acceptors.ts";
import { LISTEN_BACKLOG } from "../server/listener.ts";
import { receivePeer, type PeerKey } from "./peer-greeting.ts";

/** Names whom the other hub let in; from anybody else it is a header like any other. */
export const AS_HEADER = "x-holdfast-as";

export class PeerDoor {
  readonly #server: Server;
  readonly #acceptors: Acceptors;
  readonly #key: PeerKey;
  readonly #inc: string;
  readonly #log: Logger;
  readonly #sockets = new Set<Socket>();
  readonly #trusted = new WeakSet<object>();
  #http: HttpServer | null = null;
  address = "";

  private constructor(key: PeerKey, inc: string, log: Logger) {
    this.#key = key;
    this.#inc = inc;
    this.#log = log;
    this.#server = createTcpServer({ noDelay: true, pauseOnConnect: false }, (socket) => {
      void this.#receive(socket);
    });
    this.#acceptors = new Acceptors(this.#server, log);
  }

  /** @throws HubError PortInUse, ConfigInvalid */
  static async open(
    listen: { readonly host: string; readonly port: number },
    { key, inc, log }: { key: PeerKey; inc: string; log: Logger },
  ): Promise<PeerDoor> {
    const door = new PeerDoor(key, inc, log);
    const server = door.#server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error: Error & { code?: string }) => {
        const code = error.code === "EADDRINUSE" ? "PortInUse" : "ConfigInvalid";
        const where = `${listen.host}:${listen.port}`;
        reject(new HubError(code, `cannot listen for other hubs on ${where}`, { cause: error }));
      });
      server.listen({ ...listen, backlog: LISTEN_BACKLOG }, resolve);
    });
    void door.#acceptors.open();
    const bound = server.address();
    if (bound === null || typeof bound === "string") throw new HubError("Internal", "no port");
    const host = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
    door.address = `${host}:${bound.port}`;
    return door;
  }

  /** What peers ask is answered by this server from now on. */
  serve(http: HttpServer): void {
    // One of its own: the hub's listener may speak TLS, and has limits for strangers.
    const own = createServer((request, response) => http.emit("request", request, response));
    for (const listener of http.listeners("upgrade")) {
      own.on("upgrade", (...args: unknown[]) => void Reflect.apply(listener, http, args));
    }
    this.#http = own;
  }

  /** Whom another hub has let in; null when it came from no hub. @throws HubError Forbidden */
  principalOf(request: Pick<IncomingMessage, "headers" | "socket">): Principal | null {
    if (!this.#trusted.has(request.socket)) return null;
    const told = request.headers[AS_HEADER];
    if (typeof told !== "string") return null;
    return principalIn(Buffer.from(told, "base64url").toString());
  }

  isPeer(request: IncomingMessage): boolean {
    return this.#trusted.has(request.socket);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([
      this.#acceptors.close(),
      new Promise((resolve) => this.#server.close(resolve)),
    ]);
  }

  async #receive(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.on("error", (error) => this.#log.debug({ error: error.message }, "a peer's line broke"));
    socket.once("close", () => this.#sockets.delete(socket));
    try {
      await receivePeer(socket, this.#key, this.#inc);
    } catch (error) {
      const { code, message } = toHubError(error);
      const told = { from: socket.remoteAddress ?? "", error: message };
      // Who gave up was kept waiting, as by a hub that stood still: each dial of that time is here.
      if (code === "Forbidden") this.#log.warn(told, "a peer was turned away");
      else this.#log.debug(told, "a peer gave up");
      socket.destroySoon();
      return;
    }
    this.#trusted.add(socket);
    this.#http?.emit("connection", socket);
    // The greeting left it paused, which no listener undoes by itself.
    socket.resume();
  }
}

/**
 * The header's value for this one. Of a tenant it has another shape, in which a hub that knows of
 * no tenants finds no role: it lets nobody in instead of letting somebody see everything.
 */
export function asHeader({ tenant, ...rest }: Principal): string {
  const told = tenant === null ? rest : { tenant, of: rest };
  return Buffer.from(JSON.stringify(told)).toString("base64url");
}

export function principalIn(text: string): Principal {
  const told = JSON.parse(text) as Untold | { readonly tenant: string; readonly of: Untold };
  return "of" in told ? { ...told.of, tenant: told.tenant } : { ...told, tenant: null };
}

type Untold = Omit<Principal, "tenant">;
