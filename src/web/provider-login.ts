/**
 * The way to the identity provider and back. What this tab needs on its return it keeps for itself:
 * neither the hub nor who reads an address on the way can use the code without it. Owns no token.
 */
import { HubError } from "../base/hub-error.ts";
import { loginCalls, type LoginWays, type ProviderWays } from "../client/api-login.ts";
import { plainText } from "./plain-text.ts";

const KEY = "holdfast.login";
const SECRET_BYTES = 32;
/** Somebody else's words: shown as what they are, and not for ever. */
const WORDS_MAX = 200;

/** The parts of `window` that are needed. */
export interface LoginPlaces {
  readonly location: Pick<Location, "hash" | "search" | "pathname" | "origin" | "assign">;
  readonly history: { replaceState(state: unknown, unused: string, url: string): void };
  readonly sessionStorage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  readonly crypto: {
    getRandomValues(bytes: Uint8Array<ArrayBuffer>): Uint8Array;
    /** Browsers have it where nobody can read along: with TLS, or on this machine. */
    readonly subtle?: Pick<SubtleCrypto, "digest">;
  };
}

interface Begun {
  readonly issuer: string;
  readonly state: string;
  readonly verifier: string;
  readonly nonce: string;
}

export type Return =
  | { readonly kind: "code"; readonly code: string; readonly verifier: string; nonce: string }
  | { readonly kind: "failed"; readonly error: HubError };

/** Leaves the page for the provider's. @throws HubError LoginRefused where that cannot end well */
export async function beginLogin(ways: ProviderWays, places: LoginPlaces): Promise<void> {
  const { location, crypto, sessionStorage } = places;
  const { origin } = new URL(ways.redirectUri);
  if (origin !== location.origin) {
    throw refused(`the provider leads back to ${origin}, and not to this page`, {
      hint: `Log in at ${origin}.`,
    });
  }
  if (crypto.subtle === undefined) {
    throw refused("a browser logs in by a page with TLS, or of this machine, and by no other", {
      hint: "Open the hub by https://.",
    });
  }
  const secret = (): string => base64Url(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)));
  const begun: Begun = {
    issuer: ways.issuer,
    state: secret(),
    verifier: secret(),
    nonce: secret(),
  };
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(begun.verifier));
  const url = new URL(ways.authorizationEndpoint);
  const asked = {
    response_type: "code",
    client_id: ways.clientId,
    redirect_uri: ways.redirectUri,
    scope: ways.scopes,
    state: begun.state,
    nonce: begun.nonce,
    code_challenge: base64Url(new Uint8Array(digest)),
    code_challenge_method: "S256",
    ...(ways.responseMode === "fragment" ? { response_mode: "fragment" } : {}),
  };
  for (const [key, value] of Object.entries(asked)) url.searchParams.set(key, value);
  sessionStorage.setItem(KEY, JSON.stringify(begun));
  location.assign(url.href);
}

/** What the provider sent back, once: the address is clean afterwards. Null for nothing. */
export function takeReturn(places: LoginPlaces): Return | null {
  const { location, history, sessionStorage } = places;
  if (location.pathname !== "/login") return null;
  const told = [location.hash.slice(1), location.search.slice(1)]
    .map((text) => new URLSearchParams(text))
    .find((one) => one.has("state") && (one.has("code") || one.has("error")));
  if (told === undefined) return null;
  const begun = readBegun(sessionStorage.getItem(KEY));
  sessionStorage.removeItem(KEY);
  history.replaceState(null, "", "/");
  return judge(told, begun);
}

function judge(told: URLSearchParams, begun: Begun | null): Return {
  const hint = "Sign in again from here.";
  if (begun === null || told.get("state") !== begun.state) {
    return failed("this login was not begun in this tab, so it is not ended here", hint);
  }
  // Who leads a browser to another provider than the one it asked gives itself away by this.
  const from = told.get("iss");
  if (from !== null && from !== begun.issuer) {
    return failed(`the answer is of ${words(from)}, and not of ${begun.issuer}`, hint);
  }
  const error = told.get("error");
  if (error !== null) {
    const why = told.get("error_description");
    const more = why === null ? "" : `: ${words(why)}`;
    return failed(`the identity provider let nobody in (${words(error)})${more}`, hint);
  }
  const { verifier, nonce } = begun;
  return { kind: "code", code: told.get("code") ?? "", verifier, nonce };
}

export function askWays(): Promise<LoginWays> {
  return callsWith(null).ways();
}

/** The token of the hub that a login ends with. */
export async function redeem(landed: Extract<Return, { kind: "code" }>): Promise<string> {
  const { code, verifier, nonce } = landed;
  return (await callsWith(null).login({ code, verifier, nonce })).token;
}

export async function logout(token: string): Promise<void> {
  await callsWith(token).logout();
}

function callsWith(token: string | null) {
  const ask: typeof fetch = (input, init) => fetch(input, init);
  return loginCalls({ url: location.origin, token, fetch: ask });
}

function readBegun(text: string | null): Begun | null {
  // This very tab wrote it, and nobody else can.
  return text === null ? null : (JSON.parse(text) as Begun);
}

function failed(message: string, hint: string): Return {
  return { kind: "failed", error: refused(message, { hint }) };
}

function refused(message: string, more: { readonly hint: string }): HubError {
  return new HubError("LoginRefused", message, more);
}

function words(text: string): string {
  return plainText(text.slice(0, WORDS_MAX));
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
