/** Which hub a command talks to, and with which token. */
import { createApi, type Api } from "../client/api.ts";
import { HubError } from "../base/hub-error.ts";
import { isLoopback } from "../base/config.ts";
import type { Cli } from "./cli.ts";
import { readToken, runningHub } from "./home.ts";

export interface HubAddress {
  readonly url: string;
  readonly token: string | null;
}

/**
 * The hub named by url, else the one that runs on home. The token of home goes only to that hub or
 * to this machine: it must not reach a stranger because somebody set an address.
 */
export function hubAddress(cli: Cli): HubAddress {
  const { home, url, token } = cli.config();
  const local = runningHub(home);
  if (url === null) {
    if (local === null) {
      throw new HubError("HubUnreachable", `no hub runs on ${home}`, {
        hint: "Start one with `holdfast up`, or name another with HOLDFAST_URL.",
      });
    }
    return { url: local.url, token: token ?? readToken(home) };
  }
  const trusted = url === local?.url || isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ""));
  return { url, token: token ?? (trusted ? readToken(home) : null) };
}

export function connectApi(cli: Cli): Api {
  const { url, token } = hubAddress(cli);
  return createApi({ url, token, fetch });
}
