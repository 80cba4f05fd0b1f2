/**
 * What counts as use of a sandbox, by Daytona's rules: each request that is relayed, but only one
 * in 45 s is written down, and every 50 s while a WebSocket is open. Callers that ask not to be
 * counted are not.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

const skipHeader = "x-daytona-skip-last-activity-update";
const THROTTLE_MS = 45_000;
const OPEN_EVERY_MS = 50_000;

interface Used {
  lastActivityAt: string;
}

export class Activity {
  /** When each sandbox was last written down as used by a relayed request. */
  readonly #countedMs = new WeakMap<Used, number>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  request(record: Used, { headers }: Pick<IncomingMessage, "headers">): void {
    if (headers[skipHeader] === "true") return;
    const nowMs = this.#nowMs();
    const since = nowMs - (this.#countedMs.get(record) ?? Number.NEGATIVE_INFINITY);
    // A clock that was set back must not silence a sandbox for long.
    if (since >= 0 && since < THROTTLE_MS) return;
    this.#countedMs.set(record, nowMs);
    record.lastActivityAt = new Date(nowMs).toISOString();
  }

  /** Counts for as long as the socket is open. */
  open(record: Used, request: Pick<IncomingMessage, "headers">, socket: Duplex): void {
    this.request(record, request);
    if (request.headers[skipHeader] === "true") return;
    const timer = setInterval(() => {
      record.lastActivityAt = new Date(this.#nowMs()).toISOString();
    }, OPEN_EVERY_MS);
    timer.unref();
    socket.once("close", () => {
      clearInterval(timer);
    });
  }
}
