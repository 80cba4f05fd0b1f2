/**
 * Where the token comes from and where it stays: the fragment of the login link, then this tab's
 * session storage. It is never in a URL that a server, a log or the history sees.
 */
const KEY = "holdfast.token";

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

export function keepToken(places: TokenPlaces, token: string): void {
  places.sessionStorage.setItem(KEY, token);
}

export function dropToken(places: TokenPlaces): void {
  places.sessionStorage.removeItem(KEY);
}
