/**
 * Daytona's limits on calls: three counters a minute, told in every answer, and past one of them
 * 429 with the header that names it. Counts calls with a good key only, all of which are one user.
 */
import type { FastifyInstance } from "fastify";
import { askedOf } from "../faults/requests.ts";
import type { Asked } from "../faults/requests.ts";
import { sendRefusal } from "./refusal.ts";

type Throttle = Asked["throttle"];

/** Calls a minute, as Daytona's own documents name them for a key. */
const limits: Readonly<Record<Throttle, number>> = {
  authenticated: 50_000,
  "sandbox-create": 600,
  "sandbox-lifecycle": 50_000,
};

const WINDOW_MS = 60_000;

interface Window {
  endsAtMs: number;
  calls: number;
}

/** A call counts as authenticated, and as what else it is. */
export class CallCounter {
  readonly #windows = new Map<Throttle, Window>();
  readonly #limits: Readonly<Record<Throttle, number>>;

  constructor(most: Readonly<Record<Throttle, number>> = limits) {
    this.#limits = most;
  }

  /** Counts one call; `over` names the first limit that it passes. */
  count(
    kind: Throttle,
    nowMs: number,
  ): { headers: Record<string, string>; over: Throttle | undefined; waitSeconds: number } {
    const headers: Record<string, string> = {};
    let over: Throttle | undefined;
    let waitSeconds = 0;
    for (const throttle of new Set<Throttle>(["authenticated", kind])) {
      const window = this.#windowOf(throttle, nowMs);
      window.calls += 1;
      const limit = this.#limits[throttle];
      const seconds = Math.ceil((window.endsAtMs - nowMs) / 1000);
      headers[`x-ratelimit-limit-${throttle}`] = String(limit);
      headers[`x-ratelimit-remaining-${throttle}`] = String(Math.max(0, limit - window.calls));
      headers[`x-ratelimit-reset-${throttle}`] = String(seconds);
      if (window.calls <= limit || over !== undefined) continue;
      over = throttle;
      waitSeconds = seconds;
    }
    return { headers, over, waitSeconds };
  }

  #windowOf(throttle: Throttle, nowMs: number): Window {
    const known = this.#windows.get(throttle);
    if (known !== undefined && known.endsAtMs > nowMs) return known;
    const fresh = { endsAtMs: nowMs + WINDOW_MS, calls: 0 };
    this.#windows.set(throttle, fresh);
    return fresh;
  }
}

/** After the key was looked at: who has none is not counted. */
export function rateLimits(app: FastifyInstance): void {
  const counter = new CallCounter();
  app.addHook("onRequest", async (request, reply) => {
    const asked = askedOf(request.method, request.url);
    if (asked === undefined) return undefined;
    const { headers, over, waitSeconds } = counter.count(asked.throttle, Date.now());
    void reply.headers(headers);
    if (over === undefined) return undefined;
    void reply.header(`retry-after-${over}`, String(waitSeconds));
    const message = "ThrottlerException: Too Many Requests";
    return sendRefusal(request, reply, { status: 429, message });
  });
}
