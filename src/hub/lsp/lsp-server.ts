/**
 * One language server of a session and the one socket that speaks to it. The server lives on while
 * nobody is there, for as long as its lease; what it says then waits for whoever joins it.
 */
import type { Clock, TimerId } from "../../base/clock.ts";
import { toHubError } from "../../base/hub-error.ts";
import type { TextSocket } from "../../transport/text-socket.ts";
import { openMessageServer, type MessageServer, type SessionChannel } from "../inner-client.ts";
import type { LspRequest } from "./lsp-request.ts";

/** Codes of its own: a WebSocket client that knows nothing of this hub shows code and reason. */
export const LspClose = { ended: 4410, takenOver: 4409, goingAway: 1012 } as const;

/** What waits for somebody to come back; above it the server itself is held back. */
const WAITING_CHARS_MAX = 1024 * 1024;
/** The end of what it wrote to stderr, for the reason of its end. */
const LAST_WORDS_CHARS = 400;
/** Whoever asked for it has its handshake within this. */
const JOIN_MS = 10_000;

type Phase =
  | { readonly name: "joined"; readonly socket: TextSocket }
  | { readonly name: "alone"; readonly timer: TimerId }
  | { readonly name: "ended" };

export interface LspServerOptions {
  readonly channel: SessionChannel;
  readonly start: NonNullable<LspRequest["start"]>;
  readonly clock: Clock;
  readonly onEnded: () => void;
}

export class LspServer {
  readonly #options: LspServerOptions;
  readonly #server: MessageServer;
  #phase: Phase;
  #waiting: string[] = [];
  #waitingChars = 0;
  #room: PromiseWithResolvers<void> | null = null;
  #lastWords = "";

  /** @throws HubError */
  constructor(options: LspServerOptions) {
    this.#options = options;
    const { channel, start } = options;
    this.#phase = this.#leftAlone(Math.max(start.leaseMs, JOIN_MS));
    this.#server = openMessageServer(channel, {
      argv: start.argv,
      ...(start.cwd === null ? {} : { cwd: start.cwd }),
      onMessage: (text) => this.#said(text),
      onStderr: (bytes) => {
        const said = this.#lastWords + new TextDecoder().decode(bytes);
        this.#lastWords = said.slice(-LAST_WORDS_CHARS);
      },
    });
    this.#server.exit.then(
      ({ code, signal }) => this.#end(`it ended with ${signal ?? code ?? "no code"}`),
      (error: unknown) => this.#end(toHubError(error).message),
    );
  }

  /** Rejects with HubError when the program cannot be started. */
  get opened(): Promise<unknown> {
    return this.#server.opened;
  }

  /** The newest socket has it; what waited comes first. */
  join(socket: TextSocket): void {
    if (this.#phase.name === "ended") {
      socket.close(LspClose.ended, "the server ended");
      return;
    }
    this.#leave("another client joined this server");
    this.#phase = { name: "joined", socket };
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingChars = 0;
    for (const text of waiting) void socket.send(text);
    this.#room?.resolve();
    this.#room = null;
  }

  hear(text: string): Promise<void> {
    return this.#server.send(text);
  }

  left(socket: TextSocket): void {
    if (this.#phase.name === "joined" && this.#phase.socket === socket) {
      this.#phase = this.#leftAlone(this.#options.start.leaseMs);
    }
  }

  /** Ends the server; `reason` is what its client is told. */
  stop(code: number, reason: string): void {
    if (this.#phase.name === "ended") return;
    if (this.#phase.name === "joined") this.#phase.socket.close(code, reason);
    else this.#options.clock.clearTimeout(this.#phase.timer);
    this.#phase = { name: "ended" };
    this.#waiting = [];
    this.#room?.resolve();
    // Leaving the channel hangs up what runs in it.
    this.#options.channel.close();
    this.#options.onEnded();
  }

  #said(text: string): void | Promise<void> {
    if (this.#phase.name === "joined" && this.#phase.socket.isOpen) {
      return this.#phase.socket.send(text);
    }
    if (this.#phase.name === "ended") return;
    this.#waiting.push(text);
    this.#waitingChars += text.length;
    if (this.#waitingChars < WAITING_CHARS_MAX) return;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  #leave(reason: string): void {
    if (this.#phase.name === "joined") this.#phase.socket.close(LspClose.takenOver, reason);
    if (this.#phase.name === "alone") this.#options.clock.clearTimeout(this.#phase.timer);
  }

  #leftAlone(forMs: number): Phase {
    const end = (): void => this.stop(LspClose.ended, "its lease ended");
    const timer = this.#options.clock.setTimeout(end, forMs);
    return { name: "alone", timer };
  }

  #end(how: string): void {
    const words = this.#lastWords.trim().split("\n").at(-1) ?? "";
    this.stop(LspClose.ended, words === "" ? how : `${how}: ${words}`);
  }
}
