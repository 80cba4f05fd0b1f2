/**
 * FrameSocket over the WebSocket that browsers, Deno and Bun have. It cannot set headers, see
 * protocol pings, or end hard; the one-time ticket rides as a second subprotocol.
 */
import { NO_CLOSE_FRAME } from "../protocol/close-codes.ts";
import { SUBPROTOCOL, TICKET_SUBPROTOCOL_PREFIX } from "../protocol/version.ts";
import type { FrameSocket } from "./frame-socket.ts";
import { PendingEvents } from "./pending-events.ts";

/** Scripts may only send these codes; others are the protocol's own. */
const FIRST_OWN_CODE = 3000;
const NORMAL_CODE = 1000;
/** There is no drain event, so while bytes wait they are looked at this often. */
const DRAIN_POLL_MS = 10;
/** The close reason must fit into a control frame next to its code. */
const REASON_CHARS_MAX = 40;

export interface BrowserDialFailure {
  readonly message: string;
}

/** Resolves with an open socket, or with the little that a browser tells about a failure. */
export function dialBrowserSocket(
  url: string,
  ticket: string,
  timeoutMs: number,
): Promise<
  | { readonly ok: true; readonly socket: FrameSocket }
  | { readonly ok: false; readonly failure: BrowserDialFailure; readonly code: number | null }
> {
  return new Promise((resolve) => {
    const ws = new WebSocket(url, [SUBPROTOCOL, TICKET_SUBPROTOCOL_PREFIX + ticket]);
    const socket = fromBrowserWebSocket(ws);
    const timer = setTimeout(() => ws.close(), timeoutMs);
    ws.addEventListener("open", () => {
      clearTimeout(timer);
      resolve({ ok: true, socket });
    });
    socket.onClose((end) => {
      clearTimeout(timer);
      const message = end.reason || "the hub did not accept the connection";
      resolve({ ok: false, failure: { message }, code: end.code });
    });
  });
}

export function fromBrowserWebSocket(ws: WebSocket): FrameSocket {
  const events = new PendingEvents();
  let polling = false;
  ws.binaryType = "arraybuffer";
  ws.addEventListener("message", (event: MessageEvent<unknown>) => {
    if (event.data instanceof ArrayBuffer) events.frame(new Uint8Array(event.data));
    else ws.close(FIRST_OWN_CODE, "text message");
  });
  ws.addEventListener("close", (event) => {
    events.end({ code: event.code, reason: event.reason });
  });
  const poll = (): void => {
    polling = false;
    if (ws.bufferedAmount === 0) events.drained();
    else watchDrain();
  };
  const watchDrain = (): void => {
    if (polling || ws.readyState !== WebSocket.OPEN) return;
    polling = true;
    setTimeout(poll, ws.bufferedAmount === 0 ? 0 : DRAIN_POLL_MS);
  };
  return {
    send(message) {
      if (ws.readyState !== WebSocket.OPEN) return;
      ws.send(message as Uint8Array<ArrayBuffer>);
      watchDrain();
    },
    get bufferedBytes() {
      return ws.bufferedAmount;
    },
    close(code, reason) {
      const own = code === NORMAL_CODE || code >= FIRST_OWN_CODE;
      ws.close(own ? code : NORMAL_CODE, reason.slice(0, REASON_CHARS_MAX));
    },
    terminate() {
      // The nearest there is: the page hears the end now, whatever the network still does.
      ws.close();
      events.end({ code: NO_CLOSE_FRAME, reason: "connection given up" });
    },
    onFrame: (listener) => events.onFrame(listener),
    onClose: (listener) => events.onClose(listener),
    onDrain: (listener) => events.onDrain(listener),
  };
}
