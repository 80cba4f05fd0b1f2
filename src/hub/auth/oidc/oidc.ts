/**
 * People of an identity provider: a code or an ID token becomes somebody with a role, and a JWT
 * that a program carries becomes a principal. Whom the rules give no role comes in by nothing. The
 * tokens of the hub that a login ends with are made by who asked, in ../../server/routes/login.ts.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../../base/clock.ts";
import { HubError } from "../../../base/hub-error.ts";
import { whyNotTenant } from "../../../base/tenant.ts";
import type { OidcSettings } from "../../../base/oidc-config.ts";
import { groupsIn, roleOf, type RuleRole } from "../../../base/role-rules.ts";
import type { Principal } from "../principal.ts";
import { Issuer, type IssuerMetadata } from "./issuer.ts";
import { createTokenCheck, refused, type Claims, type TokenCheck } from "./token-check.ts";
import { UsedTokens } from "./used-tokens.ts";

export interface Person {
  /** `oidc_…`: the same for the same subject of the same issuer. */
  readonly id: string;
  readonly subject: string;
  /** What people call this one; not proven, and nothing hangs on it. */
  readonly name: string;
  readonly role: RuleRole;
  /** Null for one of the hub's own people. */
  readonly tenant: string | null;
  /** Wall ms. */
  readonly tokenEndsAt: number;
}

export interface CodeLogin {
  readonly code: string;
  readonly verifier: string;
  readonly nonce: string;
  readonly redirectUri: string;
}

/** Programs that are known by their JWT without asking again. */
const KNOWN_MAX = 1_000;
/** A JWT, and nothing that looks like a token of ours. */
const JWT = /^Bearer +(eyJ[\w-]+\.[\w-]+\.[\w-]+)$/i;

export class Oidc {
  readonly settings: OidcSettings;
  readonly #clock: Clock;
  readonly #issuer: Issuer;
  readonly #check: TokenCheck;
  readonly #used = new UsedTokens();
  /** By hash: what is remembered opens nothing for who reads it. */
  readonly #known = new Map<string, Principal>();

  constructor(settings: OidcSettings, clock: Clock, ask?: typeof fetch) {
    this.settings = settings;
    this.#clock = clock;
    this.#issuer = new Issuer({ issuer: settings.issuer, clock, ...(ask && { ask }) });
    this.#check = createTokenCheck(this.#issuer, clock);
  }

  /** @throws HubError IssuerUnavailable */
  metadata(): Promise<IssuerMetadata> {
    return this.#issuer.metadata();
  }

  /**
   * Who gave the code its owner. The code is worth nothing without what its page kept for itself.
   * @throws HubError IssuerUnavailable, LoginRefused, Forbidden
   */
  async redeemCode({ code, verifier, nonce, redirectUri }: CodeLogin): Promise<Person> {
    const { clientId, clientSecret } = this.settings;
    const { tokenEndpoint } = await this.#issuer.metadata();
    const { status, json } = await this.#issuer.post(tokenEndpoint, {
      grant_type: "authorization_code",
      code,
      code_verifier: verifier,
      redirect_uri: redirectUri,
      client_id: clientId,
      ...(clientSecret === null ? {} : { client_secret: clientSecret }),
    });
    const idToken = json["id_token"];
    if (status !== 200 || typeof idToken !== "string") {
      throw new HubError("LoginRefused", `the identity provider refuses the code (${status})`);
    }
    return this.#personOf(await this.#check(idToken, { kind: "id", audience: clientId, nonce }));
  }

  /**
   * Who logged in on the command line, which brings what the provider gave it.
   * @throws HubError IssuerUnavailable, LoginRefused, Forbidden, RateLimited
   */
  async redeemIdToken(idToken: string): Promise<Person> {
    const { cliClientId: audience } = this.settings;
    const claims = await this.#check(idToken, { kind: "id", audience, nonce: null });
    const person = this.#personOf(claims);
    const isNew = this.#used.take(idToken, this.#clock.now(), person.tokenEndsAt);
    if (!isNew) throw refused("it was used before");
    return person;
  }

  /** Null where there is nothing to find out; then `known` has the answer at once. */
  learn(authorization: string | undefined): Promise<Person | null> | null {
    const { audience } = this.settings;
    const token = JWT.exec(authorization ?? "")?.[1];
    if (token === undefined || audience === null || this.known(token) !== null) return null;
    return this.#learn(token, audience);
  }

  known(token: string): Principal | null {
    const known = this.#known.get(hashOf(token));
    return known === undefined || (known.expiresAt ?? 0) <= this.#clock.now() ? null : known;
  }

  async #learn(token: string, audience: string): Promise<Person> {
    const person = this.#personOf(
      await this.#check(token, { kind: "access", audience, nonce: null }),
    );
    const now = this.#clock.now();
    for (const [hash, { expiresAt }] of this.#known) {
      if ((expiresAt ?? 0) <= now || this.#known.size >= KNOWN_MAX) this.#known.delete(hash);
    }
    const { id, role, tenant, tokenEndsAt: expiresAt } = person;
    this.#known.set(hashOf(token), { id, role, tenant, sessions: null, expiresAt });
    return person;
  }

  /** @throws HubError Forbidden */
  #personOf(claims: Claims): Person {
    const { rules, rolesClaim, issuer } = this.settings;
    const role = roleOf(rules, groupsIn(claims, rolesClaim));
    if (role === null) {
      const hint = "Who runs the hub gives roles with HOLDFAST_OIDC_ROLES.";
      throw new HubError("Forbidden", `nothing in ${rolesClaim} has a role on this hub`, { hint });
    }
    const tenant = this.#tenantIn(claims);
    const { sub: subject, exp } = claims;
    const id = `oidc_${hashOf(`${issuer}\n${subject}`).slice(0, 22)}`;
    return { id, subject, name: nameIn(claims), role, tenant, tokenEndsAt: exp * 1_000 };
  }

  /** Who is of none, or of several, stays outside: the hub's own people see everything. */
  #tenantIn(claims: Claims): string | null {
    const { tenantClaim, ownTenant } = this.settings;
    if (tenantClaim === null) return null;
    const [tenant, ...others] = groupsIn(claims, tenantClaim);
    const isOne = tenant !== undefined && others.length === 0 && whyNotTenant(tenant) === null;
    if (isOne) return tenant === ownTenant ? null : tenant;
    throw new HubError("Forbidden", `${tenantClaim} names no tenant`, {
      hint: "It has to be one word of a to z, 0 to 9 and `-`: ask who runs the identity provider.",
    });
  }
}

function nameIn({ sub, email, preferred_username: called }: Claims): string {
  const name = [email, called, sub].find((one) => typeof one === "string" && one !== "");
  const plain = String(name).replace(/[^A-Za-z0-9 ._@-]/g, "-");
  return plain.replace(/^[^A-Za-z0-9]+/, "").slice(0, 63) || "somebody";
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
