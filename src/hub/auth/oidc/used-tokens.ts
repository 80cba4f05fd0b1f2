/** ID tokens that were brought here once: a second time they log nobody in. In memory only. */
import { createHash } from "node:crypto";
import { HubError } from "../../../base/hub-error.ts";

/** More within their minutes of life than any hub has people. */
const USED_MAX = 10_000;

export class UsedTokens {
  /** Hash → wall ms of its end. */
  readonly #used = new Map<string, number>();

  /** False when it was here before. @throws HubError RateLimited */
  take(token: string, now: number, until: number): boolean {
    for (const [hash, end] of this.#used) if (end <= now) this.#used.delete(hash);
    const hash = createHash("sha256").update(token).digest("base64url");
    if (this.#used.has(hash)) return false;
    if (this.#used.size >= USED_MAX) {
      throw new HubError("RateLimited", "too many logins of the last minutes are remembered");
    }
    this.#used.set(hash, until);
    return true;
  }
}
