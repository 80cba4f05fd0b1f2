/**
 * Signed passes: each opens one port of one session until it expires, or was taken back, or whoever
 * made it may not be here any more. Nothing of it is stored, so that it outlives the hub that
 * signed it.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import type { Revocations } from "./revocations.ts";

const PREFIX = "hfp_";

export interface Pass {
  readonly sessionId: string;
  readonly port: number;
  /** Those of its port and session when it was made: with one more it opens nothing. */
  readonly revocations: number;
  /** Wall ms. */
  readonly expiresAt: number;
  /** The principal who asked for it: its end is the pass's. */
  readonly by: string;
}

export interface PassOptions {
  readonly secret: Uint8Array;
  readonly clock: Clock;
  readonly revocations: Revocations;
  /** Whether that principal is still one. */
  readonly stands: (by: string) => boolean;
}

export class PreviewPasses {
  readonly #options: PassOptions;

  constructor(options: PassOptions) {
    this.#options = options;
  }

  sign({ sessionId, port, expiresAt, by }: Omit<Pass, "revocations">): string {
    const count = this.#options.revocations.count(sessionId, port);
    const claim = `${sessionId}.${port}.${count}.${expiresAt}.${by}`;
    return `${PREFIX}${claim}.${this.#mac(claim)}`;
  }

  /** @throws HubError Unauthenticated when it is forged, garbled, over or was taken back. */
  read(text: string): Pass {
    const { clock, revocations, stands } = this.#options;
    const parts = text.startsWith(PREFIX) ? text.slice(PREFIX.length).split(".") : [];
    const [sessionId = "", port, count, expiresAt, by = "", mac = ""] = parts;
    const given = Buffer.from(mac);
    const right = Buffer.from(this.#mac(parts.slice(0, -1).join(".")));
    if (parts.length !== 6 || given.length !== right.length || !timingSafeEqual(given, right)) {
      throw refused("this is no preview link of this hub");
    }
    const numbers = {
      port: Number(port),
      revocations: Number(count),
      expiresAt: Number(expiresAt),
    };
    const pass = { sessionId, ...numbers, by };
    if (pass.expiresAt <= clock.now()) {
      throw refused(`the preview link expired at ${new Date(pass.expiresAt).toISOString()}`);
    }
    if (revocations.covers(pass)) throw refused("the preview link was taken back");
    if (!stands(by)) throw refused("the token that made this preview link was taken back");
    return pass;
  }

  #mac(claim: string): string {
    const { secret } = this.#options;
    return createHmac("sha256", secret).update(`preview:${claim}`).digest("base64url");
  }
}

export const HINT = "Ask for a link: holdfast preview NAME PORT.";

function refused(said: string): HubError {
  return new HubError("Unauthenticated", said, { hint: HINT });
}
