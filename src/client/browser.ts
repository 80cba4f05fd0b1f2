/** How a client in a browser opens its socket: with a one-time ticket from POST /v1/tickets. */
import type { FrameSocket } from "../transport/frame-socket.ts";
import { dialBrowserSocket } from "../transport/browser-socket.ts";
import { HubError } from "../base/hub-error.ts";

const CONNECT_TIMEOUT_MS = 10_000;

/** `url` is the WebSocket URL, for example `wss://hub.example/v1/client`. @throws HubError */
export async function dialBrowser(hub: { url: string; ticket: string }): Promise<FrameSocket> {
  const outcome = await dialBrowserSocket(hub.url, hub.ticket, CONNECT_TIMEOUT_MS);
  if (outcome.ok) return outcome.socket;
  throw new HubError("HubUnreachable", outcome.failure.message);
}
