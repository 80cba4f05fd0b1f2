/** An identity provider in the hands of a test: signs what it is told, and can be made to fail. */
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from "jose";
import type { OidcSettings } from "../../src/base/oidc-config.ts";

export const ISSUER = "https://login.example";

export const settings: OidcSettings = {
  issuer: ISSUER,
  clientId: "hub",
  clientSecret: null,
  cliClientId: "hub-cli",
  audience: "https://hub.example/api",
  scopes: "openid email",
  rolesClaim: "groups",
  rules: [
    { value: "admins", role: "owner" },
    { value: "devs", role: "operator" },
  ],
  tenantClaim: null,
  ownTenant: null,
  loginMs: 3_600_000,
};

interface Grant {
  readonly verifier: string;
  readonly redirectUri: string;
  readonly idToken: string;
}

export class SmallIssuer {
  /** Answers instead of the real one, by path. */
  readonly instead = new Map<string, () => Response | Promise<Response>>();
  readonly asked: string[] = [];
  readonly #now: () => number;
  readonly #grants = new Map<string, Grant>();
  #key: { readonly private: CryptoKey; readonly jwk: object } | null = null;

  constructor(now: () => number) {
    this.#now = now;
  }

  async start(): Promise<this> {
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    const jwk = { ...(await exportJWK(publicKey)), kid: "one", alg: "ES256", use: "sig" };
    this.#key = { private: privateKey, jwk };
    return this;
  }

  get jwk(): object {
    return this.#key?.jwk ?? {};
  }

  readonly ask: typeof fetch = async (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    this.asked.push(pathname);
    const instead = this.instead.get(pathname);
    if (instead !== undefined) return instead();
    if (pathname === "/.well-known/openid-configuration") return Response.json(this.metadata());
    if (pathname === "/keys") return Response.json({ keys: [this.jwk] });
    if (pathname === "/token")
      return this.#token(new URLSearchParams(typeof init?.body === "string" ? init.body : ""));
    return new Response("no such door", { status: 404 });
  };

  metadata(): Record<string, unknown> {
    return {
      issuer: ISSUER,
      authorization_endpoint: `${ISSUER}/auth`,
      token_endpoint: `${ISSUER}/token`,
      jwks_uri: `${ISSUER}/keys`,
      device_authorization_endpoint: `${ISSUER}/device`,
      response_modes_supported: ["query", "fragment"],
    };
  }

  /** Right in all, but for what is said otherwise; null leaves a claim out. */
  async sign(
    claims: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
    key: CryptoKey | Uint8Array | null = null,
  ): Promise<string> {
    const now = Math.floor(this.#now() / 1_000);
    const usual = { iss: ISSUER, aud: "hub-cli", sub: "ada", groups: ["devs"], email: "ada@x.org" };
    const all = Object.entries({ ...usual, iat: now, exp: now + 300, ...claims });
    const payload = Object.fromEntries(all.filter(([, value]) => value !== null)) as JWTPayload;
    const used = key ?? this.#key?.private;
    if (used === undefined) throw new Error("the issuer was not started");
    return new SignJWT(payload)
      .setProtectedHeader({ alg: "ES256", kid: "one", ...header })
      .sign(used);
  }

  /** As after a person agreed in the browser. */
  async grant(code: string, verifier: string, redirectUri: string, claims = {}): Promise<void> {
    const idToken = await this.sign({ aud: "hub", ...claims });
    this.#grants.set(code, { verifier, redirectUri, idToken });
  }

  #token(form: URLSearchParams): Response {
    const code = form.get("code") ?? "";
    const grant = this.#grants.get(code);
    this.#grants.delete(code);
    const isRight =
      grant !== undefined &&
      grant.verifier === form.get("code_verifier") &&
      grant.redirectUri === form.get("redirect_uri") &&
      form.get("client_id") === "hub";
    if (!isRight) return Response.json({ error: "invalid_grant" }, { status: 400 });
    return Response.json({ id_token: grant.idToken, access_token: "a", token_type: "Bearer" });
  }
}
