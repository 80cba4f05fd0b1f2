/**
 * The law of headers on the way into a sandbox and back: what is for one hop stays on it, what is
 * the hub's is taken out, and where a visitor came from is said by the hub alone. Works on the raw
 * list, so that order, case and repeats stay as they were. Pure.
 */
import { HubError } from "../../base/hub-error.ts";
import { cookiesOf, PASS_COOKIE, TOKEN_HEADER } from "./preview-access.ts";

/** Name, value, name, value … as Node has them. */
export type RawHeaders = readonly string[];

/** RFC 9110 7.6.1, and what older proxies made of it. */
const HOP = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-authentication-info",
]);
/** What only a proxy may say of a visitor, and HTTP's own handshake. */
const OURS = new Set([
  TOKEN_HEADER,
  "expect",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-forwarded-proto",
  "x-real-ip",
  "via",
  "http2-settings",
]);
/** A `Connection` that names one of these would take it away from whoever needs it behind us. */
const NEVER_HOP = new Set(["host", "cookie", "authorization", "content-length", "content-type"]);
/** What a page of a sandbox may not decide for the hub's other addresses. */
const NOT_FROM_GUEST = new Set(["alt-svc", "clear-site-data", "public-key-pins"]);

/** Where an answer goes: to a host of its own, by an upgrade, or below a path of the API. */
export type AnswerPlace = "host" | "upgrade" | "path";

/** On the API's own origin nothing of an app may act: it is data. */
const NOT_ON_API = new Set(["set-cookie", "content-security-policy", "x-content-type-options"]);
const AS_STRANGER = [
  "Content-Security-Policy",
  "sandbox; default-src 'none'",
  "X-Content-Type-Options",
  "nosniff",
] as const;

export interface Visit {
  readonly remote: string;
  readonly scheme: "http" | "https";
  /** Marks what passed through this hub. */
  readonly via: string;
  readonly takesAuthorization: boolean;
  readonly isUpgrade: boolean;
  /** What stands before the app's own paths; empty on a host of its own. */
  readonly prefix: string;
}

/** @throws HubError BadRequest, LoopDetected … for what two readers could read in two ways. */
export function checkRequest(raw: RawHeaders, url: string, via: string): void {
  const hosts = valuesOf(raw, "host");
  if (hosts.length !== 1) throw refused(`the request has ${hosts.length} Host headers`);
  if (!url.startsWith("/")) throw refused("the request names a whole URL, not a path");
  const lengths = valuesOf(raw, "content-length").length;
  const codings = valuesOf(raw, "transfer-encoding").length;
  if (lengths + codings > 1) throw refused("the request gives the length of its body twice");
  for (const named of namedHop(raw)) {
    if (NEVER_HOP.has(named)) throw refused(`Connection names ${named}, which is for the app`);
  }
  if (valuesOf(raw, "via").some((value) => value.includes(via))) {
    throw new HubError("PreviewLoop", "this port leads back to the hub itself");
  }
}

export function requestHeaders(raw: RawHeaders, visit: Visit): string[] {
  const named = namedHop(raw);
  const kept: string[] = [];
  let host = "";
  let from = "";
  let passedBy = "";
  for (const [name, value] of pairs(raw)) {
    const key = name.toLowerCase();
    if (key === "host") host = value;
    if (key === "x-forwarded-for") from += `${value}, `;
    if (key === "via") passedBy += `${value}, `;
    if (HOP.has(key) || OURS.has(key) || named.has(key)) continue;
    if (key === "authorization" && visit.takesAuthorization) continue;
    if (key === "cookie") {
      const rest = cookiesOf(value).filter((cookie) => cookie.name !== PASS_COOKIE);
      if (rest.length > 0) kept.push(name, rest.map(({ text }) => text).join("; "));
    } else kept.push(name, value);
  }
  if (valuesOf(raw, "transfer-encoding").length > 0) kept.push("Transfer-Encoding", "chunked");
  if (visit.isUpgrade) kept.push("Connection", "Upgrade", "Upgrade", "websocket");
  kept.push("X-Forwarded-For", from + visit.remote);
  kept.push("X-Forwarded-Host", host, "X-Forwarded-Proto", visit.scheme);
  if (visit.prefix !== "") kept.push("X-Forwarded-Prefix", visit.prefix);
  kept.push("Via", `${passedBy}1.1 ${visit.via}`);
  return kept;
}

export function responseHeaders(raw: RawHeaders, place: AnswerPlace = "host"): string[] {
  const named = namedHop(raw);
  const kept: string[] = [];
  for (const [name, value] of pairs(raw)) {
    const key = name.toLowerCase();
    if (NOT_FROM_GUEST.has(key) || (place === "path" && NOT_ON_API.has(key))) continue;
    if (place !== "upgrade" && (HOP.has(key) || named.has(key))) continue;
    if (key === "set-cookie") {
      const cookie = ownCookie(value);
      if (cookie !== null) kept.push(name, cookie);
    } else kept.push(name, value);
  }
  return place === "path" ? [...kept, ...AS_STRANGER] : kept;
}

/** A cookie is for the host that set it: a wider one would reach other sessions. */
function ownCookie(value: string): string | null {
  const [pair = "", ...attributes] = value.split(";");
  if (pair.split("=")[0]?.trim() === PASS_COOKIE) return null;
  const kept = attributes.filter((attribute) => !/^\s*domain\s*(=|$)/i.test(attribute));
  return [pair, ...kept].join(";");
}

function namedHop(raw: RawHeaders): ReadonlySet<string> {
  const names = valuesOf(raw, "connection").flatMap((value) => value.split(","));
  return new Set(names.map((name) => name.trim().toLowerCase()));
}

export function valuesOf(raw: RawHeaders, wanted: string): string[] {
  const found: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? "";
    // Most differ in length: no text is made to be compared.
    if (name.length === wanted.length && name.toLowerCase() === wanted)
      found.push(raw[at + 1] ?? "");
  }
  return found;
}

function* pairs(raw: RawHeaders): Generator<readonly [string, string]> {
  for (let at = 0; at + 1 < raw.length; at += 2) yield [raw[at] ?? "", raw[at + 1] ?? ""];
}

function refused(said: string): HubError {
  return new HubError("BadRequest", said, { hint: "Send each header once, and a path." });
}
