/** Which hub a command talks to, and with which token. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { createApi, type Api } from "../client/api.ts";
import { HubError } from "../base/hub-error.ts";
import { isLoopback } from "../base/config.ts";
import type { Cli } from "./cli.ts";
import { readToken, runningHub } from "./home.ts";
import { loginAt } from "./login-file.ts";

export interface HubAddress {
  readonly url: string;
  readonly token: string | null;
}

/**
 * The hub named by url, else the one that runs on home. The token of home goes only to that hub or
 * to this machine: it must not reach a stranger because somebody set an address. A login goes to
 * the hub that it was made at.
 */
export function hubAddress(cli: Cli): HubAddress {
  const { home, url, token, ca } = cli.config();
  const local = runningHub(home);
  trustRoots(ca ?? (url === null ? local?.ca : null) ?? null);
  if (url === null) {
    if (local === null) {
      throw new HubError("HubUnreachable", `no hub runs on ${home}`, {
        hint: "Start one with `holdfast up`, or name another with HOLDFAST_URL.",
      });
    }
    return { url: local.url, token: token ?? loginAt(home, local.url)?.token ?? readToken(home) };
  }
  const trusted = url === local?.url || isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ""));
  const own = token ?? loginAt(home, url)?.token ?? null;
  return { url, token: own ?? (trusted ? readToken(home) : null) };
}

/** For all that this process dials from now on. @throws HubError ConfigInvalid */
export function trustRoots(file: string | null): void {
  if (file === null) return;
  try {
    const pem = readFileSync(file, "utf8");
    // Throws where there is none in it; what else is in it, tls reads by itself.
    new X509Certificate(pem);
    setDefaultCACertificates([...getCACertificates("default"), pem]);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const hint = "HOLDFAST_CA (--ca) names a PEM file with one or more certificates.";
    throw new HubError("ConfigInvalid", `no roots in ${file}: ${why}`, { cause, hint });
  }
}

export function connectApi(cli: Cli): Api {
  const { url, token } = hubAddress(cli);
  return createApi({ url, token, fetch });
}
