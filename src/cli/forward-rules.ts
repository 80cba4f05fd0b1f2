/** What `holdfast forward` is told: where to listen, and where what connects there goes. */
import type { HubError } from "../base/hub-error.ts";
import { usageError } from "./cli.ts";

export type Endpoint =
  | { readonly kind: "port"; readonly host: string | null; readonly port: number }
  | { readonly kind: "path"; readonly path: string };

export interface ForwardRule {
  /** Listened on: on this machine, or in the sandbox when it is reverse. */
  readonly listen: Endpoint;
  readonly target: Endpoint;
  readonly reverse: boolean;
}

const HINT =
  "holdfast forward demo 3000, 8080:3000, 0:3000, 127.0.0.1:8080:db:5432 or ./x.sock:/run/x.sock";

/**
 * `[LISTEN:]TARGET`; each is a port, HOST:PORT or a path. A lone port listens on the same number.
 * @throws HubError BadRequest that names the part that is wrong.
 */
export function parseForward(text: string, reverse: boolean): ForwardRule {
  const parts = splitParts(text);
  const [target, rest] = takeEndpoint(parts, text);
  const [listen, left] =
    rest.length === 0 ? [sameNumber(target, text), []] : takeEndpoint(rest, text);
  if (left.length > 0) throw wrong(text, "it has too many parts");
  checkPort(target, 1, text);
  checkPort(listen, 0, text);
  return { listen, target, reverse };
}

/** From the end: a path, or a port with the host before it where there is one. */
function takeEndpoint(
  parts: readonly string[],
  text: string,
): readonly [Endpoint, readonly string[]] {
  const last = parts.at(-1) ?? "";
  const before = parts.slice(0, -1);
  if (isPath(last)) return [{ kind: "path", path: last }, before];
  if (!/^\d+$/.test(last)) throw wrong(text, `"${last}" is neither a port nor a path`);
  const port = Number(last);
  const host = before.at(-1);
  const hasHost = host !== undefined && !isPath(host) && !/^\d+$/.test(host);
  if (!hasHost) return [{ kind: "port", host: null, port }, before];
  if (host === "") throw wrong(text, "a host is empty");
  return [{ kind: "port", host: host.replace(/^\[|\]$/g, ""), port }, before.slice(0, -1)];
}

function sameNumber(target: Endpoint, text: string): Endpoint {
  if (target.kind === "port") return { kind: "port", host: null, port: target.port };
  throw wrong(text, "a path needs to be told where to listen: LOCAL:PATH");
}

function checkPort(endpoint: Endpoint, min: number, text: string): void {
  if (endpoint.kind === "path" || (endpoint.port >= min && endpoint.port <= 65_535)) return;
  const zero = min === 0 ? ", or 0 for any that is free" : "";
  throw wrong(text, `${endpoint.port} is no port: 1 to 65535${zero}`);
}

/** Brackets keep the colons of an IPv6 address together. */
function splitParts(text: string): readonly string[] {
  return text.match(/\[[^\]]*\]|[^:]+|(?<=:|^)(?=:|$)/g) ?? [];
}

function isPath(part: string): boolean {
  return /^(?:\.{0,2}\/|~\/|\.{1,2}$)/.test(part);
}

function wrong(text: string, why: string): HubError {
  return usageError(`forward ${JSON.stringify(text)}: ${why}`, HINT);
}

export function endpointText(endpoint: Endpoint): string {
  if (endpoint.kind === "path") return endpoint.path;
  const { host, port } = endpoint;
  return `${host === null ? "" : host.includes(":") ? `[${host}]:` : `${host}:`}${port}`;
}
