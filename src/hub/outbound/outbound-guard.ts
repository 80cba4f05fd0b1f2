/**
 * Judges every address that the hub is about to dial. Public ones are free. A private one, this
 * machine's, or a cloud's metadata address is dialled only where a setting says so: as a literal in
 * the address that was configured, or in the list of what is allowed. Owns no request.
 *
 * The judged address is the one that is dialled: a name that changes its mind gains nothing.
 */
import ipaddr from "ipaddr.js";
import { lookup, type LookupAddress, type LookupOptions } from "node:dns";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { LookupFunction } from "node:net";
import { HubError } from "../../base/hub-error.ts";

/** As Node's own default agents are. */
const AGENT_OPTIONS = { keepAlive: true, scheduling: "lifo", timeout: 5_000 } as const;

const THIS_MACHINE = ["localhost", "127.0.0.0/8", "::1"];

type Range = readonly [address: ipaddr.IPv4 | ipaddr.IPv6, bits: number];
type Resolve = (
  host: string,
  options: LookupOptions & { readonly all: true },
  done: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void;
type Dial = Parameters<HttpAgent["createConnection"]>;

export class OutboundGuard {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
  readonly #names = new Set<string>();
  readonly #ranges: Range[] = [];
  readonly #resolve: Resolve;

  /**
   * `allow` is a list of addresses, ranges (10.0.0.0/8) and exact names; of `urls` those count that
   * name an address or localhost. This machine is one place, by whichever of its names it goes.
   * @throws HubError ConfigInvalid that names the entry
   */
  constructor(allow: readonly string[], urls: readonly string[], resolve: Resolve = lookup) {
    this.#resolve = resolve;
    for (const entry of allow) this.#allow(entry);
    for (const url of urls) {
      const host = bare(new URL(url).hostname);
      if (isThisMachine(host)) for (const own of THIS_MACHINE) this.#allow(own);
      else if (ipaddr.isValid(host)) this.#allow(host);
    }
    this.http = guarded(new HttpAgent(AGENT_OPTIONS), this);
    this.https = guarded(new HttpsAgent(AGENT_OPTIONS), this);
  }

  /** @throws HubError Forbidden that says what would allow it */
  check(host: string, address: string): void {
    if (this.#names.has(host.toLowerCase()) || this.#isFree(address)) return;
    const said = host === address ? address : `${host} (${address})`;
    throw new HubError("Forbidden", `the hub does not dial ${said}: it is no public address`, {
      hint: `If it is meant, allow it: HOLDFAST_OUTBOUND_ALLOW=${host}`,
    });
  }

  /** `dns.lookup`, which answers with addresses that may be dialled, or with why not. */
  readonly lookup: LookupFunction = (host, options: LookupOptions, done) => {
    this.#resolve(host, { ...options, all: true }, (error, found) => {
      const wrong = error ?? this.#whyNot(host, found);
      const [first] = found ?? [];
      if (wrong !== null) done(wrong, "", 0);
      else if (options.all === true) done(null, found);
      else done(null, first?.address ?? "", first?.family ?? 0);
    });
  };

  #whyNot(host: string, found: readonly LookupAddress[]): Error | null {
    try {
      for (const { address } of found) this.check(host, address);
      return null;
    } catch (refused) {
      return refused as Error;
    }
  }

  #allow(entry: string): void {
    const host = bare(entry.trim());
    if (ipaddr.isValid(host)) {
      const address = ipaddr.process(host);
      this.#ranges.push([address, address.kind() === "ipv4" ? 32 : 128]);
    } else if (ipaddr.isValidCIDR(host)) this.#ranges.push(ipaddr.parseCIDR(host));
    else if (/^(?=.*[a-z])[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/i.test(host)) {
      this.#names.add(host.toLowerCase());
    } else {
      const hint = "Write addresses, ranges as 10.0.0.0/8, or exact names, with commas between.";
      const said = `outboundAllow: ${JSON.stringify(entry)} is neither an address nor a name`;
      throw new HubError("ConfigInvalid", said, { hint });
    }
  }

  #isFree(text: string): boolean {
    if (!ipaddr.isValid(text)) return false;
    const address = ipaddr.process(text);
    if (address.range() === "unicast") return true;
    return this.#ranges.some(
      ([base, bits]) => base.kind() === address.kind() && address.match(base, bits),
    );
  }
}

/** A literal is never looked up, so it is judged where the connection is made. */
function guarded<Agent extends HttpAgent>(agent: Agent, guard: OutboundGuard): Agent {
  const create = agent.createConnection.bind(agent);
  agent.createConnection = (options: Dial[0], done: Dial[1]) => {
    const host = bare(options.host ?? "localhost");
    if (ipaddr.isValid(host)) guard.check(host, host);
    return create({ ...options, lookup: guard.lookup }, done);
  };
  return agent;
}

function isThisMachine(host: string): boolean {
  if (host === "localhost") return true;
  return ipaddr.isValid(host) && ipaddr.process(host).range() === "loopback";
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}
