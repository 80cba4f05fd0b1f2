/**
 * A server of messages that belongs to the session and not to who started it: found again by its
 * name, by any client, also after the one that had it was killed. Messages come whole and in order;
 * how many were heard is the caller's to know, if none may come twice.
 */
import { HubError } from "../base/hub-error.ts";
import { limits } from "../base/limits.ts";
import { encodeMessage, MessageDecoder } from "../protocol/message-frames.ts";
import type { Framing, MessagesKnown, OpenMessages } from "../protocol/message-services.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import type { Channel } from "../stream/channel.ts";
import type { Stream } from "../stream/stream.ts";
import type { Exit } from "./exec-stream.ts";
import { createOutcome } from "./outcome.ts";
import { resetFault } from "./wire-faults.ts";

export interface NamedServerRequest {
  readonly name: string;
  /** Starts it, in the place of one of that name; without it the one that runs is joined. */
  readonly start?: {
    readonly argv: readonly string[];
    readonly cwd?: string;
    /** `headers` (Content-Length) for LSP and DAP, `lines` for ACP and MCP. */
    readonly framing?: Framing;
    /** How long it runs on with nobody there. */
    readonly leaseMs: number;
  };
  /** Only this very one: its id, from `opened`. */
  readonly server?: string;
  /** How many of its messages were heard; without it what nobody took yet comes first. */
  readonly heard?: number;
  /** One message. Once it returns, or its promise resolves, the message is taken. */
  readonly onMessage: (text: string) => void | Promise<void>;
}

export type OpenedServer = MessagesKnown;

export type NamedServerEnd =
  | { readonly kind: "exited"; readonly exit: Exit; readonly words: string }
  /** Another client joined it, or another server has its name. */
  | { readonly kind: "taken-over"; readonly message: string }
  | { readonly kind: "lost"; readonly error: HubError };

export interface NamedServer {
  /** Rejects with HubError: CommandNotFound when the program, or the server, is not there. */
  readonly opened: Promise<OpenedServer>;
  /** Resolves when the message was sent within what the server takes. */
  send(text: string): Promise<void>;
  /** Goes away; the server stays for as long as its lease. */
  leave(): void;
  readonly ended: Promise<NamedServerEnd>;
}

export function openNamedServer(channel: Channel, request: NamedServerRequest): NamedServer {
  const { onMessage } = request;
  const opened = createOutcome<OpenedServer>();
  const ended = createOutcome<NamedServerEnd>();
  const decoder = new MessageDecoder();
  let taken = 0;
  /** Its program said how it ended; the stream ends behind that. */
  let left: NamedServerEnd | null = null;
  const take = async (bytes: Uint8Array): Promise<void> => {
    for (const text of decoder.push(bytes)) {
      await onMessage(text);
      taken += 1;
      stream.ctl({ type: "taken", messages: taken });
    }
  };
  const stream: Stream = channel.open(openOf(request), {
    onOpen: ({ messages }) => {
      if (messages === undefined) {
        stream.reset("PROTOCOL", "this driver has no servers of messages");
        return;
      }
      taken = messages.from;
      opened.resolve(messages);
    },
    onBytes: (bytes) =>
      take(bytes).catch((error: unknown) => {
        if (!(error instanceof ProtocolError)) throw error;
        stream.reset("PROTOCOL", error.message);
      }),
    onCtl: (ctl) => {
      if (ctl.type !== "exit") return;
      const exit = { code: ctl.code, signal: ctl.signal };
      // The last message may still be on its way to who takes it.
      left = { kind: "exited", exit, words: ctl.words ?? "" };
      stream.end({ discard: true });
    },
    onEnd: () => {
      if (left !== null) ended.resolve(left);
    },
    onClosed: (end) => {
      if (end.kind === "finished") return;
      const error = resetFault(end.reset);
      opened.reject(error);
      const { message } = end.reset;
      const isTaken = end.by === "peer" && end.reset.code === "CANCELLED";
      ended.resolve(isTaken ? { kind: "taken-over", message } : { kind: "lost", error });
    },
  });
  return {
    opened: opened.promise,
    ended: ended.promise,
    send: (text) => (stream.write(encodeMessage(text)) ? Promise.resolve() : stream.whenSent()),
    leave: () => stream.reset("CANCELLED", "the client left"),
  };
}

/** @throws HubError for one that no message carries. */
function openOf({ name, start, server, heard }: NamedServerRequest): OpenMessages {
  const { argv = [], cwd, framing = "headers", leaseMs = 0 } = start ?? {};
  const bytes = argv.reduce((sum, word) => sum + word.length * 4, 0);
  if (bytes > limits.COMMAND_BYTES_MAX) {
    throw new HubError("BadRequest", `the words of ${name} take ${bytes} bytes`);
  }
  const begun = { argv: [...argv], framing, leaseMs, ...(cwd !== undefined && { cwd }) };
  return {
    kind: "messages",
    name,
    ...(start !== undefined && { start: begun }),
    ...(server !== undefined && { server }),
    ...(heard !== undefined && { heard }),
    rxMax: limits.STREAM_WINDOW_BYTES,
  };
}
