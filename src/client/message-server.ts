/**
 * A server that speaks in messages over its stdio: language servers, debug adapters. Messages come
 * whole and in order, whatever links and hubs end in between. What they mean is the caller's.
 */
import { encodeMessage, MessageDecoder } from "../protocol/message-frames.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import { HubError } from "../base/hub-error.ts";
import type { ExecRequest, ExecStream, Exit } from "./exec-stream.ts";
import type { SessionChannel } from "./session-channel.ts";

export interface MessageServerRequest extends Omit<ExecRequest, "onStdout" | "key"> {
  /** One JSON-RPC message. A returned promise holds back those that follow. */
  readonly onMessage: (text: string) => void | Promise<void>;
}

export interface MessageServer extends Pick<ExecStream, "opened" | "signal" | "cancel"> {
  /** Resolves when the message was sent within what the server takes. */
  send(text: string): Promise<void>;
  /** Ends its stdin, which tells most servers to leave. */
  end(): void;
  /** Rejects with HubError, also when it writes what are no messages: then it was ended. */
  readonly exit: Promise<Exit>;
}

/** @throws HubError when the channel has ended. */
export function openMessageServer(
  session: Pick<SessionChannel, "exec">,
  { onMessage, ...request }: MessageServerRequest,
): MessageServer {
  const decoder = new MessageDecoder();
  const broken = Promise.withResolvers<never>();
  const take = (bytes: Uint8Array): void | Promise<void> => {
    try {
      return inOrder(decoder.push(bytes), onMessage);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      broken.reject(
        new HubError("ProtocolBroken", `${request.argv[0] ?? ""}: ${error.message}`, {
          hint: "Its stdout must carry messages only: pass --stdio, and log to stderr.",
        }),
      );
      exec.cancel();
    }
  };
  const exec = session.exec({ ...request, onStdout: take });
  const exit = Promise.race([exec.exit, broken.promise]);
  // Whoever sends hears of it by its own call, too.
  exit.catch(() => undefined);
  return {
    opened: exec.opened,
    exit,
    send: (text) => exec.stdin.write(encodeMessage(text)),
    end: () => exec.stdin.end(),
    signal: (name) => exec.signal(name),
    cancel: () => exec.cancel(),
  };
}

/** Waits only where the taker does, so that a message is not a turn of the event loop. */
function inOrder(
  messages: readonly string[],
  onMessage: MessageServerRequest["onMessage"],
): void | Promise<void> {
  for (const [at, message] of messages.entries()) {
    const taken = onMessage(message);
    if (taken instanceof Promise) {
      const rest = messages.slice(at + 1);
      return rest.length === 0 ? taken : taken.then(() => inOrder(rest, onMessage));
    }
  }
}
