/**
 * How many sessions are proved at once after their drivers came. When thousands come together, all
 * proofs at once would make each of them late, and a proof that is late proves nothing and is made
 * again; a hub that does nothing else misses its own beat among others. So the rest wait, in the
 * order in which they came. Whoever is connected and in doubt does not: it is looked at now.
 */
export const PROOFS_AT_ONCE = 64;

export class ProofQueue {
  #free = PROOFS_AT_ONCE;
  /** In the order of coming. */
  readonly #waiting = new Set<() => void>();

  /** Rejects with the signal's reason when nobody wants it any more before its turn. */
  async inTurn<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(signal);
    try {
      return await work();
    } finally {
      const [next] = this.#waiting;
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (then: () => void): void => {
        this.#waiting.delete(go);
        signal.removeEventListener("abort", give);
        then();
      };
      const go = (): void => leave(resolve);
      const give = (): void => leave(() => reject(signal.reason as Error));
      this.#waiting.add(go);
      signal.addEventListener("abort", give);
    });
  }
}
