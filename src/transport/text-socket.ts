/**
 * A WebSocket of text messages, for those who speak it as it is: one message a frame, pushed back
 * when its reader is slow, given up when nobody answers its pings.
 */
import type { WebSocket, RawData } from "ws";
import type { Clock, TimerId } from "../base/clock.ts";
import { limits } from "../base/limits.ts";
import type { SocketEnd } from "./frame-socket.ts";
import { clipReason } from "./ws-socket.ts";

/** Above this a sender waits until the kernel took it. */
const WAITING_BYTES_MAX = 1024 * 1024;
/** RFC 6455: the peer sent what this door does not take. */
const UNSUPPORTED = 1003;

export interface TextSocket {
  /** False as soon as either side began to close it: what is sent then goes nowhere. */
  readonly isOpen: boolean;
  /** Resolves when there is room for the next, at once where there is. */
  send(text: string): void | Promise<void>;
  close(code: number, reason: string): void;
}

export interface TextEvents {
  /** A returned promise holds back the messages that follow. */
  readonly onText: (text: string) => void | Promise<void>;
  readonly onClose: (end: SocketEnd) => void;
}

export function fromTextWebSocket(ws: WebSocket, clock: Clock, events: TextEvents): TextSocket {
  let answered = true;
  let dueAtMs = clock.mono() + limits.CLIENT_DEAD_MS;
  let timer: TimerId = clock.setTimeout(beat, limits.CLIENT_DEAD_MS);
  function beat(): void {
    // Who is held back here cannot be heard, and a loop that was held up has not read its answer.
    const isDeaf = ws.isPaused || clock.mono() - dueAtMs > limits.STALL_MS;
    if (!answered && !isDeaf) {
      ws.terminate();
      return;
    }
    answered = false;
    dueAtMs = clock.mono() + limits.CLIENT_DEAD_MS;
    ws.ping();
    timer = clock.setTimeout(beat, limits.CLIENT_DEAD_MS);
  }
  ws.on("pong", () => (answered = true));
  ws.on("message", (data: RawData, isBinary: boolean) => {
    answered = true;
    if (isBinary) {
      ws.close(UNSUPPORTED, "one JSON-RPC message a text frame");
      return;
    }
    const taken = events.onText((data as Buffer).toString("utf8"));
    if (!(taken instanceof Promise)) return;
    ws.pause();
    // What cannot be taken any more is told by the close.
    const goOn = (): void => ws.resume();
    taken.then(goOn, goOn);
  });
  // Its close tells why.
  ws.on("error", () => undefined);
  ws.on("close", (code, reason) => {
    clock.clearTimeout(timer);
    events.onClose({ code, reason: reason.toString("utf8") });
  });
  return {
    get isOpen() {
      return ws.readyState === ws.OPEN;
    },
    send(text) {
      if (ws.readyState !== ws.OPEN) return;
      if (ws.bufferedAmount < WAITING_BYTES_MAX) {
        ws.send(text);
        return;
      }
      // An error is told by the close, too.
      return new Promise((resolve) => ws.send(text, () => resolve()));
    },
    close(code, reason) {
      ws.close(code, clipReason(reason));
    },
  };
}
