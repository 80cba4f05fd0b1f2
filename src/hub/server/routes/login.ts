/**
 * /v1/login: how one logs in with an identity provider, the login itself, and its end. A login ends
 * with an API token of the hub, so that it is listed, taken back and ended like any other.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type, type Static } from "typebox";
import { HubError } from "../../../base/hub-error.ts";
import type { Oidc, Person } from "../../auth/oidc/oidc.ts";
import { LOGIN, without } from "../../auth/token-book.ts";
import { principalOf } from "../door-keeper.ts";
import type { RouteOptions } from "../http.ts";
import { LoginRate } from "../login-rate.ts";
import { iso } from "../platform-view.ts";
import { tokenView } from "./tokens.ts";

/** A few browsers and machines of one person; the oldest login ends for one more. */
const LOGINS_EACH_MAX = 10;

const Secret = Type.String({ minLength: 16, maxLength: 512, pattern: "^[\\w.~-]+$" });

const Login = Type.Union([
  Type.Object(
    {
      code: Type.String({ minLength: 1, maxLength: 4_096 }),
      verifier: Secret,
      nonce: Secret,
    },
    { additionalProperties: false },
  ),
  Type.Object(
    { idToken: Type.String({ minLength: 16, maxLength: 16_384 }) },
    { additionalProperties: false },
  ),
]);

export function addLoginRoutes(app: FastifyInstance, options: RouteOptions): void {
  const { access, clock } = options;
  const rate = new LoginRate(clock);
  const redirectUriOf = ({ protocol, host, raw }: FastifyRequest): string => {
    const scheme = access.callers.isSecure(raw) ? "https" : protocol;
    return `${options.publicUrl ?? `${scheme}://${host}`}/login`;
  };

  app.get("/v1/login", async (request) => {
    const { oidc } = access;
    if (oidc === null) return { oidc: null };
    const { issuer, clientId, cliClientId, scopes } = oidc.settings;
    const { authorizationEndpoint, tokenEndpoint, deviceEndpoint, hasFragmentMode } =
      await oidc.metadata();
    return {
      oidc: {
        ...{ issuer, clientId, cliClientId, scopes, authorizationEndpoint, tokenEndpoint },
        deviceEndpoint,
        responseMode: hasFragmentMode ? "fragment" : "query",
        redirectUri: redirectUriOf(request),
      },
    };
  });

  app.post<{ Body: Static<typeof Login> }>(
    "/v1/login",
    { schema: { body: Login } },
    async (request, reply) => {
      const { oidc } = access;
      if (oidc === null) throw new HubError("NotFound", "this hub has no identity provider");
      const from = access.callers.addressOf(request.raw);
      const leave = rate.enter(from);
      try {
        const person = await personOf(oidc, request.body, redirectUriOf(request));
        // Before there is a token: a grant that cannot be written down is none.
        access.audit.note(noteOf(person, from, "POST /v1/login", "asked"), true);
        const { token, kept } = await grant(options, oidc, person);
        void reply.code(201);
        return { ...tokenView(kept), token };
      } catch (error) {
        if (error instanceof HubError) access.audit.refused(refusedNote(from, error));
        throw error;
      } finally {
        leave();
      }
    },
  );

  app.delete("/v1/login", async (request) => {
    const { id } = principalOf(request);
    const own = access.tokens.all.find((token) => token.id === id);
    // Whoever holds a share or the token of a machine takes it from nobody else by this.
    if (own?.createdBy.startsWith(LOGIN) === true) {
      request.outlive?.();
      return tokenView(await access.tokens.revoke(id));
    }
    throw new HubError("BadRequest", `${id} did not log in: there is no login to end`);
  });
}

function personOf(oidc: Oidc, body: Static<typeof Login>, redirectUri: string): Promise<Person> {
  if ("idToken" in body) return oidc.redeemIdToken(body.idToken);
  return oidc.redeemCode({ ...body, redirectUri });
}

function grant({ access }: RouteOptions, oidc: Oidc, { id, name, role, tenant }: Person) {
  const forMs = oidc.settings.loginMs;
  const createdBy = `${LOGIN}${id}`;
  const wanted = { name, role, tenant, sessions: null, createdBy, forMs };
  // Somebody who logs in again and again does not fill the book for the others.
  return access.tokens.create(wanted, (all) => {
    const own = all.filter((token) => token.createdBy === createdBy).map(({ id: old }) => old);
    return without(all, own.slice(0, Math.max(0, own.length - LOGINS_EACH_MAX + 1)));
  });
}

function noteOf(
  { id, subject, role, tenant, tokenEndsAt }: Person,
  from: string,
  what: string,
  outcome: string,
) {
  const detail = { subject, role, tenant, provenUntil: iso(tokenEndsAt) };
  return { who: id, from, what, target: null, outcome, detail };
}

function refusedNote(from: string, { code }: HubError) {
  const what = "POST /v1/login";
  return { who: "nobody", from, what, target: null, outcome: `refused ${code}`, detail: null };
}
