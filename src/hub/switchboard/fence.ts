/**
 * Who may hold a session when more than one driver asks for it: what this hub remembers of one
 * session's drivers, and the decision about a newcomer. Pure; it closes nothing and asks nobody.
 *
 * A driver's own word on who it is proves nothing: a restored copy has the same process id, the
 * same boot id and the same memory. What tells two living drivers apart is that both answer now,
 * and what tells the wanted one is a ticket that this hub wrote into its sandbox for one use.
 */
import type { DriverHello } from "../../protocol/control.ts";

/** Takeovers that make two drivers a conflict, when they fall into one window. */
const CONFLICT_TAKEOVERS = 3;
const CONFLICT_WINDOW_MS = 60_000;
const REPORT_EVERY_MS = 60_000;

export type Admission =
  | { readonly kind: "admit"; readonly why: "alone" | "ticket" | "holder" }
  /** There is a link: it stays if its driver answers a ping that is sent now. */
  | { readonly kind: "ask-incumbent" }
  | { readonly kind: "refuse"; readonly reason: string };

/** What is known of a driver's past when it says hello. */
export type Lineage =
  | { readonly kind: "fresh" | "same" | "replaced" | "store-older" }
  /** It remembers an older epoch than it confirmed itself: its sandbox went back in time. */
  | { readonly kind: "rolled-back"; readonly lastEpoch: number; readonly confirmed: number };

export class Fence {
  /** Mono ms of takeovers: a driver came while another one's link was open, or from the past. */
  #takeovers: number[] = [];
  /** Epoch of the last driver that came with a ticket, or of its own later links. */
  #holderEpoch: number | null = null;
  /** Which process confirmed the newest epoch; null when that was told to an earlier hub. */
  #process: string | null = null;
  #reportedAtMs = -Infinity;

  admission(
    hello: DriverHello,
    seen: { readonly ticket: boolean; readonly incumbent: boolean; readonly nowMs: number },
  ): Admission {
    if (seen.ticket) return { kind: "admit", why: "ticket" };
    if (this.#inConflict(seen.nowMs)) {
      const holder = hello.lastEpoch !== null && hello.lastEpoch === this.#holderEpoch;
      if (!holder) return { kind: "refuse", reason: "two drivers fight for this session" };
      return seen.incumbent ? { kind: "ask-incumbent" } : { kind: "admit", why: "holder" };
    }
    return seen.incumbent ? { kind: "ask-incumbent" } : { kind: "admit", why: "alone" };
  }

  /** A driver was attached. True when this makes it a conflict. */
  attached(
    hello: DriverHello,
    by: {
      readonly epoch: number;
      readonly ticket: boolean;
      /** It replaced a link that was still open, or is not the one that was here last. */
      readonly takeover: boolean;
      readonly nowMs: number;
    },
  ): boolean {
    this.#process = processOf(hello);
    const continues = hello.lastEpoch !== null && hello.lastEpoch === this.#holderEpoch;
    if (by.ticket || continues) this.#holderEpoch = by.epoch;
    if (!by.takeover || by.ticket) return false;
    this.#takeovers.push(by.nowMs);
    this.#takeovers = this.#takeovers.slice(-CONFLICT_TAKEOVERS);
    const conflict = this.#inConflict(by.nowMs);
    // Without a ticket nobody is known to be the wanted one: who holds it now, keeps it.
    if (conflict) this.#holderEpoch ??= by.epoch;
    return conflict;
  }

  /** What the epoch that a driver remembers says, beside what the store confirmed and issued. */
  lineage(
    hello: DriverHello,
    store: { readonly confirmed: number; readonly issued: number },
  ): Lineage {
    const { lastEpoch, reason } = hello;
    if (lastEpoch === null) return { kind: "fresh" };
    if (lastEpoch > store.issued) return { kind: "store-older" };
    // Between confirmed and issued a welcome or its confirmation was lost: the same driver again.
    if (lastEpoch >= store.confirmed) return { kind: "same" };
    // An older process that another one replaced went nowhere; a restored one is the newest's twin.
    const other = this.#process !== null && this.#process !== processOf(hello);
    if (reason === FENCED || other) return { kind: "replaced" };
    return { kind: "rolled-back", lastEpoch, confirmed: store.confirmed };
  }

  /** True when a refusal is worth a line; a twin that tries again and again is one finding. */
  reports(nowMs: number): boolean {
    if (nowMs - this.#reportedAtMs < REPORT_EVERY_MS) return false;
    this.#reportedAtMs = nowMs;
    return true;
  }

  #inConflict(nowMs: number): boolean {
    const [first] = this.#takeovers;
    if (first === undefined || this.#takeovers.length < CONFLICT_TAKEOVERS) return false;
    return nowMs - first <= CONFLICT_WINDOW_MS;
  }
}

/** What a process says of itself: no proof of who it is, but it tells an older from a restored. */
function processOf({ instance }: DriverHello): string {
  const { pid, startTicks, bootId, startedAt } = instance;
  return `${pid} ${startTicks} ${bootId} ${startedAt}`;
}

/** How a driver that was told of its replacement says why it dials again. */
const FENCED = "fenced";
