/**
 * Puts the guard in front of Fastify's routes: who calls is known before anything of the request
 * is read, and a route without a row in the table of rights ends the start of the server.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { assert } from "../../base/assert.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { AuditNote } from "../auth/audit-chain.ts";
import { admit, allow, demandSeen, type Lookup } from "../auth/guard.ts";
import { isConfined, meant, type Principal } from "../auth/principal.ts";
import { routeRightOf } from "../auth/route-rights.ts";
import type { Elsewhere } from "../cluster/company.ts";
import type { Access } from "./access.ts";
import { isForApp } from "./app-path.ts";
import { passTo } from "./pass-to.ts";
import { starting } from "./starting.ts";

/** A path may be long; a name or id never is. */
const TARGET_CHARS_MAX = 128;

declare module "fastify" {
  interface FastifyRequest {
    /** Null on routes that are open. */
    principal: Principal | null;
    /** For the call that ends its own token: it is answered all the same. */
    outlive: (() => void) | null;
  }
}

export interface DoorKeeperOptions {
  readonly access: Access;
  readonly lookup: Lookup;
  readonly isReady: () => boolean;
  /** Sessions of other hubs; unset for a hub of its own. */
  readonly elsewhere?: Elsewhere;
}

/** Must be called before the routes are added: it hears of each as it comes. */
export function keepDoor(app: FastifyInstance, options: DoorKeeperOptions): void {
  app.decorateRequest("principal", null);
  app.decorateRequest("outlive", null);
  app.addHook("onRoute", ({ method, url }) => {
    for (const one of [method].flat()) {
      if (routeRightOf(one, url) !== undefined) continue;
      throw new HubError("Internal", `${one} ${url} has no row in the table of rights`);
    }
  });
  app.addHook("onRequest", (request, reply, done) => {
    void reply.header("x-content-type-options", "nosniff");
    void reply.header("cache-control", "no-store");
    const refuse = (error: unknown): Error => {
      const fault = toHubError(error);
      options.access.audit.refused(noteOf(options.access, request, `refused ${fault.code}`));
      return fault;
    };
    const enter = (): void => {
      try {
        checkCaller(request, reply, options);
      } catch (error) {
        done(refuse(error));
        return;
      }
      done();
    };
    const learning = isOpen(request) ? null : options.access.learn(request.raw);
    if (learning === null) enter();
    else learning.then(enter, (error: unknown) => done(refuse(error)));
  });
  const { elsewhere } = options;
  if (elsewhere?.isShared === true) {
    app.addHook("onRequest", async (request, reply) => passOn(request, reply, options, elsewhere));
  }
  // After the body is checked, before anything of it is done.
  app.addHook("preHandler", (request, _, done) => {
    const { routeOptions, method } = request;
    const row = routeRightOf(method, routeOptions.url ?? "");
    if (typeof row === "object" && row.notes) {
      options.access.audit.note(noteOf(options.access, request, "asked", row.grants), row.grants);
    }
    done();
  });
}

/** To the hub that has the session, before anything but the head is read. */
async function passOn(
  request: FastifyRequest,
  reply: FastifyReply,
  { lookup }: DoorKeeperOptions,
  elsewhere: Elsewhere,
): Promise<void> {
  const { principal, raw } = request;
  const { id = "" } = request.params as { id?: string };
  if (principal === null || id === "") return;
  const wanted = meant(principal, id);
  const here = lookup(wanted, principal.tenant);
  if (here !== undefined) {
    demandSeen(principal, id, here);
    return;
  }
  if (elsewhere.isPeer(raw))
    throw new HubError("SessionMoved", `session ${id} is not here any more`);
  // Nobody is dialled for a session that the caller may not see.
  if (isConfined(principal)) demandSeen(principal, id, await elsewhere.place(wanted));
  await passTo(wanted, { request, reply }, elsewhere);
}

function noteOf(
  { callers }: Access,
  request: FastifyRequest,
  outcome: string,
  grants = false,
): AuditNote {
  const { principal, method, routeOptions, raw, body } = request;
  const tenant = principal?.tenant ?? null;
  const { id, tokenId, shareId } = (request.params ?? {}) as Readonly<Record<string, string>>;
  const url = routeOptions.url ?? "(no such route)";
  const { dryRun } = request.query as Readonly<Record<string, unknown>>;
  return {
    who: principal?.id ?? "nobody",
    from: callers.addressOf(raw),
    // Of a query nothing else: who only asked for a plan has changed nothing.
    what: `${method} ${url}${dryRun === "true" ? "?dryRun=true" : ""}`,
    target: (shareId ?? id ?? tokenId ?? null)?.slice(0, TARGET_CHARS_MAX) ?? null,
    outcome,
    // What is granted; nothing of it is a secret. Other bodies may hold some.
    detail: detailOf(grants ? (body as AuditNote["detail"] | undefined) : null, tenant),
  };
}

/** Of somebody of a tenant also which: the token may be gone when this is read. */
function detailOf(
  granted: AuditNote["detail"] | undefined,
  tenant: string | null,
): AuditNote["detail"] {
  return tenant === null ? (granted ?? null) : { ...granted, tenant };
}

function isOpen({ routeOptions, method }: FastifyRequest): boolean {
  return routeOptions.url !== undefined && routeRightOf(method, routeOptions.url) === "open";
}

/** Who calls, on a route that is not open. */
export function principalOf({ principal }: FastifyRequest): Principal {
  assert(principal !== null, "only an open route has nobody who calls");
  return principal;
}

function checkCaller(
  request: FastifyRequest,
  reply: FastifyReply,
  { access, lookup, isReady, elsewhere }: DoorKeeperOptions,
): void {
  const { headers, routeOptions, raw } = request;
  if (!access.isPeer(raw)) access.checkHost(headers.host);
  // What an app is asked below a path is the app's.
  if (!isForApp(raw)) access.checkHead(raw.rawHeaders, raw.url ?? "/");
  access.checkOrigin(headers.origin, headers.host);
  // By the route that will run, never by the URL's text: one route has many spellings.
  const row =
    routeOptions.url === undefined ? null : routeRightOf(request.method, routeOptions.url);
  if (row === "open") return;
  const principal = access.caller(raw);
  if (!isReady()) throw starting();
  // What does not exist is told to nobody but those who are known.
  if (row === null) return;
  if (row === undefined || row === "driver") throw new HubError("Forbidden", "this door is closed");
  const { id = "" } = request.params as { id?: string };
  request.principal = principal;
  // Where others have sessions, too, it is looked for with them first, in passOn.
  if (elsewhere?.isShared === true) allow(principal, row);
  else admit(principal, row, id, lookup);
  const leave = access.calls.enter(principal);
  const release = access.admitted.hold(principal, () => reply.raw.destroy());
  const idle = access.strangers.hold(raw.socket);
  request.outlive = release;
  reply.raw.once("close", () => {
    leave();
    release();
    idle();
  });
}
