/** The hub's one way out: what it dials through Node's own agents, and a fetch, pass the guard. */
import http from "node:http";
import https from "node:https";
import { guardedFetch } from "./guarded-fetch.ts";
import { OutboundGuard } from "./outbound-guard.ts";

export interface OutboundOptions<Platform extends { readonly apiUrl: string }> {
  readonly outboundAllow?: readonly string[];
  readonly platform: Platform;
  readonly webhook: { readonly url: string } | null;
  readonly telemetry?: { readonly url: string } | null;
  readonly oidc?: { readonly issuer: string } | null;
}

/** @throws HubError ConfigInvalid */
export function openOutbound<Platform extends { readonly apiUrl: string }>(
  options: OutboundOptions<Platform>,
): { readonly ask: typeof fetch; readonly platform: Platform & { readonly ask: typeof fetch } } {
  const guard = guardFor(options);
  // The platform's SDK takes no agent of ours; what it dials, and where it is redirected to, goes
  // through these. So does what a collector is told.
  http.globalAgent = guard.http;
  https.globalAgent = guard.https;
  const ask = guardedFetch(guard);
  return { ask, platform: { ...options.platform, ask } };
}

/**
 * Platform, collector and identity provider are the operator's own, often by a name inside a
 * network. Who is told of events may be anybody, and its name anybody's to change.
 * @throws HubError ConfigInvalid
 */
export function guardFor(options: OutboundOptions<{ readonly apiUrl: string }>): OutboundGuard {
  const { outboundAllow = [], platform, webhook, telemetry = null, oidc = null } = options;
  const told = [telemetry?.url, oidc?.issuer].filter((url) => url !== undefined);
  // Hosts of ssh are dialled by `ssh`, and by nothing here.
  const own = [platform.apiUrl, ...told].filter((url) => !url.startsWith("ssh:"));
  const names = own.map((url) => new URL(url).hostname);
  const urls = webhook === null ? own : [...own, webhook.url];
  return new OutboundGuard([...outboundAllow, ...names], urls);
}
