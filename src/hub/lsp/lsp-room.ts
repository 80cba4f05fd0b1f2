/**
 * Plain WebSockets of foreign clients, each joined to a language server of a session. The servers
 * are the driver's, so this hub may die, and its next one finds them by their names. Owns which
 * sockets are there and what their clients are told; keeps no message.
 */
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { TextEvents, TextSocket } from "../../transport/text-socket.ts";
import type { Principal } from "../auth/principal.ts";
import {
  openNamedServer,
  type InnerClient,
  type NamedServer,
  type NamedServerEnd,
  type SessionChannel,
} from "../inner-client.ts";
import { whyNotRoutable } from "../session/not-routable.ts";
import { SeenSessions } from "../seen-sessions.ts";
import { lspRequestOf, type LspRequest } from "./lsp-request.ts";

/** Codes of its own: a WebSocket client that knows nothing of this hub shows code and reason. */
export const LspClose = { ended: 4410, takenOver: 4409, goingAway: 1012 } as const;

/** Said first to who told how far it heard, and to nobody else: a name that others may ignore. */
const JOINED = "$/holdfast/joined";

/** Gets the socket's events and returns when the socket is there. */
type OpenSocket = (events: TextEvents) => TextSocket;

/** Whoever has it puts a socket to it, or leaves. */
export interface LspSeat {
  sit(open: OpenSocket): void;
  leave(): void;
}

export interface LspRoomOptions {
  readonly sessions: ConstructorParameters<typeof SeenSessions>[0];
  readonly client: Pick<InnerClient, "attach">;
}

export class LspRoom {
  readonly #options: LspRoomOptions;
  readonly #seats = new Set<Seat>();

  constructor(options: LspRoomOptions) {
    this.#options = options;
  }

  /** A seat for this one at the server that the address asks for, which runs. @throws HubError */
  async admit(url: string, person: Principal): Promise<LspSeat> {
    const { sessions, client } = this.#options;
    const request = lspRequestOf(url);
    const { record, route } = new SeenSessions(sessions, person).find(request.session);
    if (route === null) throw whyNotRoutable(record);
    const seat = new Seat(await client.attach(record.id), request, () => this.#seats.delete(seat));
    this.#seats.add(seat);
    await seat.opened();
    return seat;
  }

  /** Servers live on: their clients are sent to the next hub. */
  close(): void {
    for (const seat of [...this.#seats]) seat.close(LspClose.goingAway, "the hub is going down");
  }
}

type Phase =
  | { readonly name: "waiting"; readonly joined: PromiseWithResolvers<void> }
  | { readonly name: "joined"; readonly socket: TextSocket }
  | { readonly name: "over"; readonly code: number; readonly reason: string };

/** One socket and the stream that goes with it. */
class Seat implements LspSeat {
  readonly #channel: SessionChannel;
  readonly #server: NamedServer;
  readonly #request: LspRequest;
  readonly #onOver: () => void;
  #phase: Phase = { name: "waiting", joined: Promise.withResolvers() };
  #note: string | null = null;

  constructor(channel: SessionChannel, request: LspRequest, onOver: () => void) {
    this.#channel = channel;
    this.#request = request;
    this.#onOver = onOver;
    const onMessage = (text: string) => this.#said(text);
    this.#server = channel.open(openNamedServer, { ...request, onMessage });
    void this.#server.ended.then((end) => this.close(...toldOf(end)));
  }

  /** @throws HubError */
  async opened(): Promise<void> {
    const { heard, start, name } = this.#request;
    try {
      const { server, from, taken } = await this.#server.opened;
      if (heard === undefined) return;
      const params = { server, from, lost: from - heard, taken };
      this.#note = JSON.stringify({ jsonrpc: "2.0", method: JOINED, params });
    } catch (error) {
      const fault = toHubError(error);
      this.close(LspClose.ended, fault.message);
      if (fault.code !== "CommandNotFound" || start !== undefined) throw fault;
      throw new HubError("NotFound", fault.message, {
        hint: `Start ${name}: ?argv=PROGRAM&argv=--stdio, and initialize it.`,
      });
    }
  }

  sit(open: OpenSocket): void {
    const phase = this.#phase;
    const socket = open({
      onText: (text) => this.#server.send(text),
      onClose: () => this.leave(),
    });
    if (phase.name === "over") socket.close(phase.code, phase.reason);
    if (phase.name !== "waiting") return;
    this.#phase = { name: "joined", socket };
    if (this.#note !== null) void socket.send(this.#note);
    phase.joined.resolve();
  }

  leave(): void {
    this.close(LspClose.goingAway, "the client left");
  }

  close(code: number, reason: string): void {
    const phase = this.#phase;
    if (phase.name === "over") return;
    this.#phase = { name: "over", code, reason };
    if (phase.name === "joined") phase.socket.close(code, reason);
    else phase.joined.resolve();
    this.#server.leave();
    this.#channel.close();
    this.#onOver();
  }

  /** A message is taken once the socket has it; one that it never had stays the server's. */
  #said(text: string): void | Promise<void> {
    const phase = this.#phase;
    if (phase.name === "waiting") return phase.joined.promise.then(() => this.#said(text));
    if (phase.name === "joined" && phase.socket.isOpen) return phase.socket.send(text);
    return new Promise(() => undefined);
  }
}

function toldOf(end: NamedServerEnd): readonly [code: number, reason: string] {
  if (end.kind === "taken-over") return [LspClose.takenOver, end.message];
  if (end.kind === "lost") return [LspClose.ended, end.error.message];
  const how = `it ended with ${end.exit.signal ?? end.exit.code ?? "no code"}`;
  const words = end.words.trim().split("\n").at(-1) ?? "";
  return [LspClose.ended, words === "" ? how : `${how}: ${words}`];
}
