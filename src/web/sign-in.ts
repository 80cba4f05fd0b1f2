/**
 * Where the token comes from and where it stays: the fragment of the login link, then this tab's
 * session storage. It is never in a URL that a server, a log or the history sees.
 */
const KEY = "holdfast.token";
/** Says that the token is of a login, which ends with signing out. */
const LOGIN_KEY = "holdfast.token-of-login";

/** The parts of `window` that are needed. */
export interface TokenPlaces {
  readonly location: { readonly hash: string };
  readonly history: { replaceState(state: unknown, unused: string, url: string): void };
  readonly sessionStorage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
}

/** The token of the login link, else the one of this tab; the fragment is gone afterwards. */
export function takeToken(places: TokenPlaces): string | null {
  const linked = new URLSearchParams(places.location.hash.slice(1)).get("token");
  if (linked === null) return places.sessionStorage.getItem(KEY);
  places.history.replaceState(null, "", "/");
  const token = linked.trim();
  if (token === "") return places.sessionStorage.getItem(KEY);
  keepToken(places, token);
  return token;
}

export function keepToken(places: TokenPlaces, token: string, isLogin = false): void {
  places.sessionStorage.setItem(KEY, token);
  if (isLogin) places.sessionStorage.setItem(LOGIN_KEY, "yes");
  else places.sessionStorage.removeItem(LOGIN_KEY);
}

/** The token of a login, which the hub is to be told of; null for all others. */
export function dropToken({ sessionStorage }: TokenPlaces): string | null {
  const token = sessionStorage.getItem(LOGIN_KEY) === null ? null : sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  sessionStorage.removeItem(LOGIN_KEY);
  return token;
}
