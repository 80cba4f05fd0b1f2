/**
 * Where a request came from. What it says of that itself is believed only as far as a trusted proxy
 * says it: the nearest address that is no such proxy is the caller's. Nobody is trusted by default.
 */
import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";
import { HubError } from "../../base/hub-error.ts";

/** Longer chains are no proxies of ours. */
const HOPS_MAX = 20;

/** What of a request says where it came from. */
export type Asked = Pick<IncomingMessage, "headers"> & {
  readonly socket: { readonly remoteAddress?: string | undefined };
};

export class Callers {
  readonly #proxies = new BlockList();

  /** Addresses and ranges (10.0.0.0/8). @throws HubError ConfigInvalid that names the entry */
  constructor(trusted: readonly string[] = []) {
    for (const entry of trusted) this.#trust(entry.trim());
  }

  /** The caller's address; of a chain that cannot be read, the proxy's own. */
  addressOf({ headers, socket }: Asked): string {
    const near = plainAddress(socket.remoteAddress ?? "");
    if (!this.#isProxy(near)) return near;
    const hops = [headers["x-forwarded-for"] ?? []].flat().join(",").split(",");
    let caller = near;
    for (const hop of hops.slice(-HOPS_MAX).toReversed()) {
      const address = plainAddress(hop.trim());
      if (isIP(address) === 0) return caller;
      caller = address;
      if (!this.#isProxy(address)) return caller;
    }
    return caller;
  }

  /** Whether a trusted proxy says that the caller speaks TLS with it. */
  isSecure({ headers, socket }: Asked): boolean {
    const near = plainAddress(socket.remoteAddress ?? "");
    return this.#isProxy(near) && headers["x-forwarded-proto"] === "https";
  }

  #isProxy(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#proxies.check(address, version === 6 ? "ipv6" : "ipv4");
  }

  #trust(entry: string): void {
    const [address = "", bits, ...more] = entry.split("/");
    const version = isIP(address);
    const most = version === 6 ? 128 : 32;
    const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
    if (version === 0 || more.length > 0 || prefix < 0 || prefix > most) {
      const said = `trustedProxies: ${JSON.stringify(entry)} is neither an address nor a range`;
      const hint = "Write addresses and ranges as 10.0.0.0/8, with commas between.";
      throw new HubError("ConfigInvalid", said, { hint });
    }
    this.#proxies.addSubnet(address, prefix, version === 6 ? "ipv6" : "ipv4");
  }
}

/** An IPv4 address as a socket of both kinds has it. */
export function plainAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;
}
