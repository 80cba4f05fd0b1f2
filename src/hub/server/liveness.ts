/**
 * The short way of `GET /livez`, which balancers ask all day and of which a busy hub must make
 * nothing: answered before the API's hooks, with the same words. Whatever is odd about a request
 * goes the API's way, which says what is wrong with it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { newId } from "../../base/ids.ts";
import { systemRandom } from "../../base/random.ts";
import type { Access } from "./access.ts";

const ALIVE = "ok\n";

/** @returns false when it was not answered. */
export function answersAlive(
  request: IncomingMessage,
  response: ServerResponse,
  access: Access,
): boolean {
  if (request.url !== "/livez" || request.method !== "GET" || !isPlain(request, access)) {
    return false;
  }
  response.writeHead(200, {
    "x-request-id": newId("req", systemRandom),
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-type": "text/plain; charset=utf-8",
    "content-length": ALIVE.length,
  });
  response.end(ALIVE);
  return true;
}

/** No page, no body, no Host but ours, and a head that is read in one way only. */
function isPlain({ headers, rawHeaders }: IncomingMessage, access: Access): boolean {
  if (headers.origin !== undefined || "transfer-encoding" in headers) return false;
  if ("content-length" in headers) return false;
  try {
    access.checkHost(headers.host);
    access.checkHead(rawHeaders, "");
    return true;
  } catch {
    // The API's own way refuses it, and says why.
    return false;
  }
}
