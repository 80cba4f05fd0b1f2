/** The hub's one way out: what it dials through Node's own agents, and a fetch, pass the guard. */
import http from "node:http";
import https from "node:https";
import { guardedFetch } from "./guarded-fetch.ts";
import { OutboundGuard } from "./outbound-guard.ts";

/** @throws HubError ConfigInvalid */
export function openOutbound<Platform extends { readonly apiUrl: string }>(options: {
  readonly outboundAllow?: readonly string[];
  readonly platform: Platform;
  readonly webhook: { readonly url: string } | null;
  readonly telemetry?: { readonly url: string } | null;
}): { readonly ask: typeof fetch; readonly platform: Platform & { readonly ask: typeof fetch } } {
  const { outboundAllow = [], platform, webhook, telemetry = null } = options;
  const others = [webhook, telemetry].filter((one) => one !== null);
  const urls = [platform.apiUrl, ...others.map(({ url }) => url)];
  const guard = new OutboundGuard(outboundAllow, urls);
  // The platform's SDK takes no agent of ours; what it dials, and where it is redirected to, goes
  // through these. So does what a collector is told.
  http.globalAgent = guard.http;
  https.globalAgent = guard.https;
  const ask = guardedFetch(guard);
  return { ask, platform: { ...platform, ask } };
}
