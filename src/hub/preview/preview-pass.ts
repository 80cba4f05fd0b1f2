/**
 * Signed passes: each opens one port of one session until it expires. Nothing is stored, so that a
 * pass outlives the hub that signed it; there is no revoking but the session's end.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";

const PREFIX = "hfp_";

export interface Pass {
  readonly sessionId: string;
  readonly port: number;
  /** Wall ms. */
  readonly expiresAt: number;
}

export class PreviewPasses {
  readonly #secret: Uint8Array;
  readonly #clock: Clock;

  constructor(secret: Uint8Array, clock: Clock) {
    this.#secret = secret;
    this.#clock = clock;
  }

  sign({ sessionId, port, expiresAt }: Pass): string {
    const claim = `${sessionId}.${port}.${expiresAt}`;
    return `${PREFIX}${claim}.${this.#mac(claim)}`;
  }

  /** @throws HubError Unauthenticated when it is forged, garbled or over. */
  read(text: string): Pass {
    const parts = text.startsWith(PREFIX) ? text.slice(PREFIX.length).split(".") : [];
    const [sessionId = "", port = "", expiresAt = "", mac = ""] = parts;
    const given = Buffer.from(mac);
    const right = Buffer.from(this.#mac(`${sessionId}.${port}.${expiresAt}`));
    if (parts.length !== 4 || given.length !== right.length || !timingSafeEqual(given, right)) {
      throw new HubError("Unauthenticated", "this is no preview link of this hub", { hint: HINT });
    }
    const pass = { sessionId, port: Number(port), expiresAt: Number(expiresAt) };
    if (pass.expiresAt > this.#clock.now()) return pass;
    const over = new Date(pass.expiresAt).toISOString();
    throw new HubError("Unauthenticated", `the preview link expired at ${over}`, { hint: HINT });
  }

  #mac(claim: string): string {
    return createHmac("sha256", this.#secret).update(`preview:${claim}`).digest("base64url");
  }
}

export const HINT = "Ask for a link: holdfast preview NAME PORT.";
