/**
 * What each route asks of who calls it, and of which sessions it tells. The server refuses to be
 * built with a route that has no row here, so that a new one cannot be open by oversight.
 */
import type { Right } from "./principal.ts";

/**
 * What a route reaches: the `session` in its path, the `hub` as a whole, all of the caller's own
 * `tenant`, or `own`: only what the caller can see. The last two are what ../seen-sessions.ts and
 * seen-tokens.ts show to whoever asks.
 */
export type Reach = "session" | "own" | "tenant" | "hub";

export type RouteRight =
  | "open"
  | "driver"
  | {
      readonly right: Right;
      readonly reach: Reach;
      readonly notes: boolean;
      /** Gives or takes rights: its entry waits for the disk and tells what was granted. */
      readonly grants?: true;
    };

const watch = { right: "watch", reach: "own", notes: false } as const;
const look = (reach: Reach): RouteRight => ({ right: "look", reach, notes: false });
/** Changes something, so that the audit log hears of it before it is done. */
const work = (reach: Reach): RouteRight => ({ right: "work", reach, notes: true });
const govern = (reach: Reach): RouteRight => ({
  ...{ right: "govern", reach, notes: true },
  grants: true,
});
const share: RouteRight = { right: "work", reach: "session", notes: true, grants: true };

export const routeRights: Readonly<Record<string, RouteRight>> = {
  "GET /livez": "open",
  "GET /readyz": "open",
  "GET /startupz": "open",
  "GET /openapi.json": "open",
  "GET /docs": "open",
  "GET /docs/faults": "open",
  "GET /": "open",
  "GET /login": "open",
  "GET /*": "open",
  "GET /metrics": { right: "measure", reach: "hub", notes: false },

  "POST /v1/sessions": work("tenant"),
  "GET /v1/sessions": look("own"),
  "GET /v1/sessions/:id": look("session"),
  "GET /v1/sessions/:id/health": look("session"),
  "GET /v1/sessions/:id/timeline": look("session"),
  "POST /v1/sessions/:id/pause": work("session"),
  "POST /v1/sessions/:id/resume": work("session"),
  "POST /v1/sessions/:id/retry": work("session"),
  "POST /v1/sessions/:id/probe": work("session"),
  // A run says every few seconds that it is alive: nothing that anybody looks up later.
  "POST /v1/sessions/:id/lease": { right: "work", reach: "session", notes: false },
  "DELETE /v1/sessions/:id": work("session"),
  "POST /v1/sessions/:id/exec": work("session"),
  "POST /v1/sessions/:id/code": work("session"),
  "GET /v1/sessions/:id/ports": look("session"),
  "POST /v1/sessions/:id/ports/:port/links": work("session"),
  "DELETE /v1/sessions/:id/ports/:port/links": work("session"),
  "DELETE /v1/sessions/:id/links": work("session"),
  "POST /v1/sessions/:id/shares": share,
  "GET /v1/sessions/:id/shares": { right: "work", reach: "session", notes: false },
  "DELETE /v1/sessions/:id/shares/:shareId": share,
  // What an app serves below a path is asked for too often to be noted one by one.
  "* /v1/sessions/:id/ports/:port/http": { right: "work", reach: "session", notes: false },
  "* /v1/sessions/:id/ports/:port/http/*": { right: "work", reach: "session", notes: false },

  "GET /v1/events": look("own"),
  "GET /v1/platform": look("hub"),
  "GET /v1/hubs": look("hub"),
  "POST /v1/platform/control": work("hub"),

  "POST /v1/tickets": watch,
  "GET /v1/me": watch,
  "GET /v1/login": "open",
  "POST /v1/login": "open",
  "DELETE /v1/login": { ...watch, notes: true },
  "GET /v1/tokens": { right: "govern", reach: "tenant", notes: false },
  "POST /v1/tokens": govern("tenant"),
  "DELETE /v1/tokens/:tokenId": govern("tenant"),
  "GET /v1/audit": { right: "govern", reach: "hub", notes: false },
  // Every key of the hub is in it, so that the audit log has who took it.
  "GET /v1/backup": govern("hub"),
  "POST /v1/hubs/drain": govern("hub"),

  "WS /v1/client": { ...watch, notes: true },
  "WS /v1/driver": "driver",
  "WS /v1/sessions/:id/lsp/:name": work("session"),
};

/** HEAD asks for what GET does. Undefined when nobody decided. */
export function routeRightOf(method: string, url: string): RouteRight | undefined {
  const asked = method === "HEAD" ? "GET" : method;
  return routeRights[`${asked} ${url}`] ?? routeRights[`* ${url}`];
}
