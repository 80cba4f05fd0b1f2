/** How a client in Node or Bun opens its socket. Not for browsers: it needs the package ws. */
import { HubError } from "../base/hub-error.ts";
import { limits } from "../base/limits.ts";
import { SUBPROTOCOL } from "../protocol/version.ts";
import type { FrameSocket } from "../transport/frame-socket.ts";
import { nativeCrc32 } from "../transport/native-crc32.ts";
import { dialWebSocket } from "../transport/ws-socket.ts";
import { connectHub, type HubConnection } from "./hub-connection.ts";
import { upgradeFault } from "./wire-faults.ts";

export { downloadFile, uploadFile, type ChannelSource, type CopyOptions } from "./file-copy.ts";
export { LastingChannel } from "./lasting-channel.ts";
export { downloadTree, uploadTree, type TreeCopy, type TreeOptions } from "./tree-copy.ts";
export { PortDuplex } from "./port-duplex.ts";

/**
 * A connection that outlives its sockets. `address` is asked for anew with each dial: a hub that
 * was started again may listen elsewhere. Of several hubs the one that has `session` is reached
 * through any of them. @throws HubError
 */
export function connectNode(
  address: () => { url: string; token: string },
  session?: string,
): Promise<HubConnection> {
  return connectHub({ open: async () => dialNode(address(), session), crc32: nativeCrc32() });
}

const CLIENT_PATH = "/v1/client";

/**
 * `url` is the hub's address: `http://127.0.0.1:7070`, `https://…`, or `ws+unix:/path/to.sock`.
 * @throws HubError HubUnreachable, Unauthenticated …
 */
export async function dialNode(
  hub: { url: string; token: string },
  session?: string,
): Promise<FrameSocket> {
  const outcome = await dialWebSocket(clientUrl(hub.url, session), {
    headers: { authorization: `Bearer ${hub.token}` },
    protocols: [SUBPROTOCOL],
    timeoutMs: limits.DIAL_MS_MAX,
  });
  if (outcome.ok) return outcome.socket;
  const { message, status, body } = outcome.failure;
  throw upgradeFault(`${hub.url}: ${message}`, status, body);
}

function clientUrl(address: string, session?: string): string {
  const query = session === undefined ? "" : `?session=${encodeURIComponent(session)}`;
  if (address.startsWith("ws+unix:")) return `${address}:${CLIENT_PATH}${query}`;
  let url: URL;
  try {
    url = new URL(address);
  } catch (error) {
    throw new HubError("HubUnreachable", `not an address: ${address}`, { cause: error });
  }
  url.protocol = url.protocol === "https:" || url.protocol === "wss:" ? "wss:" : "ws:";
  url.pathname = url.pathname.replace(/\/$/, "") + CLIENT_PATH;
  url.search = query;
  return url.href;
}
