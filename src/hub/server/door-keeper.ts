/**
 * Puts the guard in front of Fastify's routes: who calls is known before anything of the request
 * is read, and a route without a row in the table of rights ends the start of the server.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { assert } from "../../base/assert.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { AuditNote } from "../auth/audit-chain.ts";
import { admit, type IdOf } from "../auth/guard.ts";
import type { Principal } from "../auth/principal.ts";
import { routeRightOf } from "../auth/route-rights.ts";
import type { Access } from "./access.ts";
import { isForApp } from "./app-path.ts";
import { starting } from "./starting.ts";

/** A path may be long; a name or id never is. */
const TARGET_CHARS_MAX = 128;

declare module "fastify" {
  interface FastifyRequest {
    /** Null on routes that are open. */
    principal: Principal | null;
  }
}

export interface DoorKeeperOptions {
  readonly access: Access;
  readonly idOf: IdOf;
  readonly isReady: () => boolean;
}

/** Must be called before the routes are added: it hears of each as it comes. */
export function keepDoor(app: FastifyInstance, options: DoorKeeperOptions): void {
  app.decorateRequest("principal", null);
  app.addHook("onRoute", ({ method, url }) => {
    for (const one of [method].flat()) {
      if (routeRightOf(one, url) !== undefined) continue;
      throw new HubError("Internal", `${one} ${url} has no row in the table of rights`);
    }
  });
  app.addHook("onRequest", (request, reply, done) => {
    void reply.header("x-content-type-options", "nosniff");
    void reply.header("cache-control", "no-store");
    try {
      checkCaller(request, reply, options);
    } catch (error) {
      const { code } = toHubError(error);
      options.access.audit.refused(noteOf(request, `refused ${code}`));
      throw error;
    }
    done();
  });
  // After the body is checked, before anything of it is done.
  app.addHook("preHandler", (request, _, done) => {
    const { routeOptions, method } = request;
    const row = routeRightOf(method, routeOptions.url ?? "");
    if (typeof row === "object" && row.notes) {
      options.access.audit.note(noteOf(request, "asked", row.grants), row.grants);
    }
    done();
  });
}

function noteOf(request: FastifyRequest, outcome: string, grants = false): AuditNote {
  const { principal, method, routeOptions, raw, body } = request;
  const { id, tokenId, shareId } = (request.params ?? {}) as Readonly<Record<string, string>>;
  const url = routeOptions.url ?? "(no such route)";
  return {
    who: principal?.id ?? "nobody",
    from: raw.socket.remoteAddress ?? "",
    what: `${method} ${url}`,
    target: (shareId ?? id ?? tokenId ?? null)?.slice(0, TARGET_CHARS_MAX) ?? null,
    outcome,
    // What is granted; nothing of it is a secret. Other bodies may hold some.
    detail: grants ? ((body as Readonly<Record<string, unknown>> | undefined) ?? null) : null,
  };
}

/** Who calls, on a route that is not open. */
export function principalOf({ principal }: FastifyRequest): Principal {
  assert(principal !== null, "only an open route has nobody who calls");
  return principal;
}

function checkCaller(
  request: FastifyRequest,
  reply: FastifyReply,
  { access, idOf, isReady }: DoorKeeperOptions,
): void {
  const { headers, routeOptions, raw } = request;
  access.checkHost(headers.host);
  // What an app is asked below a path is the app's.
  if (!isForApp(raw)) access.checkHead(raw.rawHeaders, raw.url ?? "/");
  access.checkOrigin(headers.origin, headers.host);
  // By the route that will run, never by the URL's text: one route has many spellings.
  const row =
    routeOptions.url === undefined ? null : routeRightOf(request.method, routeOptions.url);
  if (row === "open") return;
  const principal = access.identify(headers.authorization);
  if (!isReady()) throw starting();
  // What does not exist is told to nobody but those who are known.
  if (row === null) return;
  if (row === undefined || row === "driver") throw new HubError("Forbidden", "this door is closed");
  const { id = "" } = request.params as { id?: string };
  request.principal = principal;
  admit(principal, row, id, idOf);
  const leave = access.calls.enter(principal);
  const release = access.admitted.hold(principal, () => reply.raw.destroy());
  reply.raw.once("close", () => {
    leave();
    release();
  });
}
