/** How a client in a browser opens its socket: with a one-time ticket from POST /v1/tickets. */
import type { FrameSocket } from "../transport/frame-socket.ts";
import { dialBrowserSocket } from "../transport/browser-socket.ts";
import { HubError } from "../base/hub-error.ts";

/**
 * Lets a page wake its connection: the network is back, or somebody looks at the page again.
 * Returns a function that ends it.
 */
export function wakeWithPage(connection: { wake(): void }): () => void {
  const wake = (): void => connection.wake();
  const seen = (): void => {
    if (document.visibilityState === "visible") connection.wake();
  };
  addEventListener("online", wake);
  document.addEventListener("visibilitychange", seen);
  return () => {
    removeEventListener("online", wake);
    document.removeEventListener("visibilitychange", seen);
  };
}

const CONNECT_TIMEOUT_MS = 10_000;

/** `url` is the WebSocket URL, for example `wss://hub.example/v1/client`. @throws HubError */
export async function dialBrowser(hub: { url: string; ticket: string }): Promise<FrameSocket> {
  const outcome = await dialBrowserSocket(hub.url, hub.ticket, CONNECT_TIMEOUT_MS);
  if (outcome.ok) return outcome.socket;
  throw new HubError("HubUnreachable", outcome.failure.message);
}
