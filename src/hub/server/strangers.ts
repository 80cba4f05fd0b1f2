/**
 * Connections that are nobody's: no call and no link of somebody whom the hub knows is under way on
 * them. They cost a descriptor each, and whoever opens them needs no token, so there is a bound for
 * all. Above it the address that has most of them gives up its oldest: a client that says who it is
 * does so at once, also from the address of an attacker, and sits here for no longer. What they may
 * say, and for how long they may say nothing, is listener.ts.
 */
import { isIPv6, type Server, type Socket } from "node:net";
import { assert } from "../../base/assert.ts";
import { plainAddress } from "./callers.ts";

/** Twice what the kernel's queue may bring in one turn, when everybody comes back at once. */
const STRANGERS_MAX = 8_192;
/** Of all descriptors: sessions, store and platform need theirs. */
const SHARE_MAX = 0.5;
/** Who has an IPv6 network has all addresses of its lower half. */
const NETWORK_PARTS = 4;
const PARTS = 8;

/** What tells a connection, also through the TLS on it; the socket itself where it has no port. */
type Line = object | string;

interface Connection {
  readonly line: Line;
  readonly socket: Socket;
  readonly from: string;
  /** Of somebody who is known, under way on it: several where they are sent ahead. */
  calls: number;
}

export class Strangers {
  readonly #max: number;
  readonly #all = new Map<Line, Connection>();
  /** Of nobody, oldest first. */
  readonly #byAddress = new Map<string, Set<Connection>>();
  /** Addresses by how many they have, so that nobody looks through them all. */
  readonly #ranks: Set<string>[] = [];
  #open = 0;
  #ended = 0;

  constructor(max = roomForStrangers()) {
    this.#max = max;
  }

  get counts(): { readonly open: number; readonly ended: number } {
    return { open: this.#open, ended: this.#ended };
  }

  watch(server: Server): void {
    server.on("connection", (socket: Socket) => {
      const from = networkOf(socket.remoteAddress);
      const one = { line: lineOf(socket), socket, from, calls: 0 };
      this.#all.set(one.line, one);
      // It comes once, and what waits for it once would be an object more for each.
      socket.on("close", () => {
        if (this.#all.get(one.line) === one) this.#all.delete(one.line);
        if (one.calls === 0) this.#leave(one);
      });
      this.#enter(one);
    });
  }

  /** Somebody who is known uses it; returns what to call once that is over. */
  hold(socket: Socket): () => void {
    const one = this.#all.get(lineOf(socket));
    if (one === undefined) return () => undefined;
    if (one.calls === 0) this.#leave(one);
    one.calls += 1;
    return () => {
      one.calls -= 1;
      if (one.calls === 0 && this.#all.get(one.line) === one) this.#enter(one);
    };
  }

  #enter(one: Connection): void {
    const own = this.#byAddress.get(one.from) ?? new Set();
    this.#byAddress.set(one.from, own.add(one));
    this.#rank(one.from, own.size - 1, own.size);
    this.#open += 1;
    if (this.#open > this.#max) this.#endOldest();
  }

  #leave(one: Connection): void {
    const own = this.#byAddress.get(one.from);
    if (own?.delete(one) !== true) return;
    if (own.size === 0) this.#byAddress.delete(one.from);
    this.#rank(one.from, own.size + 1, own.size);
    this.#open -= 1;
  }

  #rank(from: string, before: number, after: number): void {
    this.#ranks[before]?.delete(from);
    if (after > 0) (this.#ranks[after] ??= new Set()).add(from);
    while (this.#ranks.at(-1)?.size === 0) this.#ranks.pop();
  }

  #endOldest(): void {
    const [most = ""] = this.#ranks.at(-1) ?? [];
    const [oldest] = this.#byAddress.get(most) ?? [];
    assert(oldest !== undefined, "the address with most connections has one");
    this.#leave(oldest);
    this.#ended += 1;
    oldest.socket.destroy();
  }
}

function lineOf(socket: Socket): Line {
  const { remoteAddress, remotePort } = socket;
  return remotePort === undefined ? socket : `${remoteAddress ?? ""} ${remotePort}`;
}

/** What one opener may change at will is left out of its address. */
export function networkOf(told = ""): string {
  const address = plainAddress(told);
  if (!isIPv6(address)) return address;
  const [head = [], tail = []] = address.split("::").map((half) => half.split(":"));
  const gap = Array<string>(Math.max(0, PARTS - head.length - tail.length)).fill("0");
  const parts = [...head, ...gap, ...tail].map((part) => (part === "" ? "0" : part));
  return parts.slice(0, NETWORK_PARTS).join(":");
}

/** What Node's types do not name. */
interface LimitsReport {
  excludeNetwork: boolean;
  getReport(): { readonly userLimits: { readonly open_files: { readonly soft: number | string } } };
}

/** As many as the process has descriptors for. */
function roomForStrangers(): number {
  const report = process.report as unknown as LimitsReport;
  // It would look up the names of all who are connected.
  report.excludeNetwork = true;
  const files = Number(report.getReport().userLimits.open_files.soft);
  return Number.isNaN(files) ? STRANGERS_MAX : Math.min(STRANGERS_MAX, files * SHARE_MAX);
}
