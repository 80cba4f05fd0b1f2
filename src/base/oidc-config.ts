/** What the settings of an identity provider must be to let the right people in. Pure. */
import type { Config, ConfigKey } from "./config-table.ts";
import type { Mistake, ResolvedConfig } from "./config.ts";
import { parseRoleRules, type RoleRule } from "./role-rules.ts";

export interface OidcSettings {
  /** Letter by letter as its tokens name it. */
  readonly issuer: string;
  readonly clientId: string;
  /** Null for a public client, which has PKCE alone. */
  readonly clientSecret: string | null;
  /** Of the command line, which can keep no secret. */
  readonly cliClientId: string;
  /** Of access tokens that programs carry; null takes none. */
  readonly audience: string | null;
  readonly scopes: string;
  readonly rolesClaim: string;
  readonly rules: readonly RoleRule[];
  /** Of a token, which names the tenant; null where there are none. */
  readonly tenantClaim: string | null;
  /** The value of it that means the hub's own people; null when there are none among them. */
  readonly ownTenant: string | null;
  /** How long a login is good for. */
  readonly loginMs: number;
}

/** Of settings without mistakes; null where there is no identity provider. */
export function oidcOf(config: Config): OidcSettings | null {
  const { oidcIssuer: issuer, oidcClientId: clientId, oidcRoles } = config;
  const rules = oidcRoles === null ? [] : parseRoleRules(oidcRoles);
  if (issuer === null || clientId === null || "problem" in rules) return null;
  return {
    ...{ issuer, clientId, rules },
    clientSecret: config.oidcClientSecret,
    cliClientId: config.oidcCliClientId ?? clientId,
    audience: config.oidcAudience,
    scopes: config.oidcScopes,
    rolesClaim: config.oidcRolesClaim,
    tenantClaim: config.oidcTenantClaim,
    ownTenant: config.oidcOwnTenant,
    loginMs: config.oidcLoginMs,
  };
}

export function oidcMistakes({ config, origins }: ResolvedConfig): Mistake[] {
  const { oidcIssuer: issuer } = config;
  if (issuer === null) return [];
  const mistakes: Mistake[] = [];
  const say = (key: ConfigKey, message: string): void => {
    mistakes.push({ key, place: origins[key].place, message });
  };
  const address = whyNotIssuer(issuer);
  if (address !== null) say("oidcIssuer", address);
  if (config.oidcClientId === null) {
    say("oidcClientId", `who is the hub at ${issuer}? Set HOLDFAST_OIDC_CLIENT_ID`);
  }
  const rules = whyNotRules(config);
  if (rules !== null) say("oidcRoles", rules);
  const { oidcAudience: audience, oidcClientId, oidcCliClientId } = config;
  if (audience !== null && [oidcClientId, oidcCliClientId].includes(audience)) {
    // An ID token would open the API: it is for whoever asked who somebody is.
    say("oidcAudience", "name an audience of access tokens; that of a client is in ID tokens, too");
  }
  if (config.oidcOwnTenant !== null && config.oidcTenantClaim === null) {
    say("oidcOwnTenant", "a value of which claim? Set HOLDFAST_OIDC_TENANT_CLAIM");
  }
  if (!config.oidcScopes.split(" ").includes("openid")) {
    say("oidcScopes", "one of them must be `openid`, or the provider tells nobody's name");
  }
  return mistakes;
}

function whyNotRules({ oidcRoles }: Config): string | null {
  if (oidcRoles === null) {
    return "nobody would have a role: set HOLDFAST_OIDC_ROLES, as in admins=owner,*=viewer";
  }
  const rules = parseRoleRules(oidcRoles);
  return "problem" in rules ? rules.problem : null;
}

function whyNotIssuer(issuer: string): string | null {
  const right = "write https://HOST as the provider's tokens have it";
  if (!URL.canParse(issuer)) return `${JSON.stringify(issuer)} is no address: ${right}`;
  const { protocol, hostname, username, search, hash } = new URL(issuer);
  if (username !== "" || search !== "" || hash !== "") {
    return `${JSON.stringify(issuer)} has more than an address: ${right}`;
  }
  const isNear = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  if (protocol === "https:" || (protocol === "http:" && isNear)) return null;
  return `${JSON.stringify(issuer)} is without TLS: whoever is between could log in as anybody`;
}
