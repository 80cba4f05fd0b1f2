/**
 * The address of a preview: `PORT-NAME.DOMAIN`. Says which hosts are previews, which port of which
 * session one means, and what the address of a preview is. Pure.
 */
import { HubError } from "../../base/hub-error.ts";
import { tenantOf } from "../../base/tenant.ts";

/** One port of one session, as its host names it: the session by name or id. */
export interface PreviewTarget {
  readonly port: number;
  readonly session: string;
}

/** A label of a host name can have no more. */
const LABEL_CHARS_MAX = 63;
const LABEL = /^([^-.]+)-([a-z0-9_][a-z0-9_-]*)$/;

/** Where previews are reached: scheme and port are the hub's own. */
export interface PreviewPlace {
  readonly domain: string;
  readonly scheme: "http" | "https";
  readonly port: number;
}

/** Host names without port: everything below the domain, whether it names a session or not. */
export function isPreviewHost(host: string | undefined, domain: string): boolean {
  return hostName(host).endsWith(`.${domain}`);
}

/** @throws HubError BadRequest that says what an address would be. */
export function targetOf(host: string | undefined, domain: string): PreviewTarget {
  const name = hostName(host);
  const label = name.slice(0, -domain.length - 1);
  const [, port, session] = LABEL.exec(label) ?? [];
  if (port === undefined || session === undefined) {
    const said = `${JSON.stringify(name.slice(0, 120))} names no port and session`;
    throw new HubError("BadRequest", said, { hint: `An address is PORT-NAME.${domain}.` });
  }
  return { port: portOf(port), session };
}

/** @throws HubError BadRequest */
export function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  const said = `${JSON.stringify(text.slice(0, 20))} is no port`;
  throw new HubError("BadRequest", said, { hint: "A port is a number from 1 to 65535." });
}

/** Without a path. A name that is no label, or makes it too long, gives way to the id. */
export function addressOf(
  { domain, scheme, port: hubPort }: PreviewPlace,
  port: number,
  { name, id }: { readonly name: string; readonly id: string },
): string {
  const named = `${port}-${name}`;
  const isLabel = named.length <= LABEL_CHARS_MAX && tenantOf(name) === null;
  const label = isLabel ? named : `${port}-${id}`;
  const usual = scheme === "https" ? 443 : 80;
  return `${scheme}://${label}.${domain}${hubPort === usual ? "" : `:${hubPort}`}`;
}

function hostName(host: string | undefined): string {
  return (host ?? "").replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
}
