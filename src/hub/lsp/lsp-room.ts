/**
 * The language servers that clients of plain WebSockets left in this hub's care, by session and
 * name. In memory: a hub that dies takes them along, and who comes back is told to start anew.
 */
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import type { TextEvents, TextSocket } from "../../transport/text-socket.ts";
import type { InnerClient } from "../inner-client.ts";
import { whyNotRoutable } from "../session/not-routable.ts";
import type { Sessions } from "../sessions.ts";
import { lspRequestOf } from "./lsp-request.ts";
import { LspClose, LspServer } from "./lsp-server.ts";

/** Each is a process of some hundred MiB inside a sandbox; more is a client that does not stop. */
const SERVERS_PER_SESSION_MAX = 16;

/** Gets the socket's events and returns when the socket is there. */
type OpenSocket = (events: TextEvents) => TextSocket;

export interface LspRoomOptions {
  readonly sessions: Pick<Sessions, "find">;
  readonly client: Pick<InnerClient, "attach">;
  readonly clock: Clock;
}

export class LspRoom {
  readonly #options: LspRoomOptions;
  readonly #servers = new Map<string, LspServer>();

  constructor(options: LspRoomOptions) {
    this.#options = options;
  }

  /**
   * The server that the address asks for, running; the function that is returned puts a socket
   * to it. @throws HubError
   */
  async admit(url: string): Promise<(open: OpenSocket) => void> {
    const { sessions, client, clock } = this.#options;
    const { session, name, start } = lspRequestOf(url);
    const { record, route } = sessions.find(session);
    if (route === null) throw whyNotRoutable(record);
    const key = `${record.id}/${name}`;
    if (start === null) return this.#join(key, name);
    this.#checkRoom(record.id, key);
    const channel = await client.attach(record.id);
    try {
      const server: LspServer = new LspServer({
        channel,
        start,
        clock,
        onEnded: () => {
          if (this.#servers.get(key) === server) this.#servers.delete(key);
        },
      });
      await server.opened;
      this.#servers.get(key)?.stop(LspClose.takenOver, "another server took its place");
      this.#servers.set(key, server);
    } catch (error) {
      channel.close();
      throw error;
    }
    return this.#join(key, name);
  }

  close(): void {
    for (const server of [...this.#servers.values()]) {
      server.stop(LspClose.goingAway, "the hub is going down");
    }
  }

  #join(key: string, name: string): (open: OpenSocket) => void {
    const server = this.#servers.get(key);
    if (server === undefined) {
      throw new HubError("NotFound", `no language server ${name} runs in this session`, {
        hint: "Start it: ?argv=PROGRAM&argv=--stdio, and initialize it.",
      });
    }
    return (open) => {
      const socket = open({
        onText: (text) => server.hear(text),
        onClose: () => server.left(socket),
      });
      server.join(socket);
    };
  }

  #checkRoom(sessionId: string, key: string): void {
    const others = [...this.#servers.keys()].filter(
      (one) => one !== key && one.startsWith(`${sessionId}/`),
    );
    if (others.length < SERVERS_PER_SESSION_MAX) return;
    const said = `this session has ${SERVERS_PER_SESSION_MAX} language servers already`;
    throw new HubError("RateLimited", said);
  }
}
