/** Logging in with the identity provider of a hub. Nobody who has a token already needs it. */
import { askHub, type ApiOptions } from "./api.ts";
import type { ApiToken, NewApiToken } from "./api-tokens.ts";

/** How one logs in with the provider. */
export interface ProviderWays {
  readonly issuer: string;
  readonly clientId: string;
  readonly cliClientId: string;
  readonly scopes: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  /** Null where the provider has no device flow. */
  readonly deviceEndpoint: string | null;
  readonly responseMode: "fragment" | "query";
  readonly redirectUri: string;
}

/** Null at a hub without a provider. */
export interface LoginWays {
  readonly oidc: ProviderWays | null;
}

/** What a page got and what it kept, or what a command got. */
export type Login =
  | { readonly code: string; readonly verifier: string; readonly nonce: string }
  | { readonly idToken: string };

export function loginCalls(options: ApiOptions) {
  const call = (method: string, body?: unknown) =>
    askHub(options, { method, path: "/v1/login", body });
  return {
    /** @throws HubError IssuerUnavailable */
    async ways(): Promise<LoginWays> {
      return (await call("GET")) as LoginWays;
    },

    /** @throws HubError IssuerUnavailable, LoginRefused, Forbidden, RateLimited */
    async login(body: Login): Promise<NewApiToken> {
      return (await call("POST", body)) as NewApiToken;
    },

    /** What the login has open ends with it. @throws HubError BadRequest, Unauthenticated */
    async logout(): Promise<ApiToken> {
      return (await call("DELETE")) as ApiToken;
    },
  };
}
