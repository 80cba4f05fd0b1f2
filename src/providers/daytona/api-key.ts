/**
 * The key to the platform. Keys are rotated while a hub runs: one that is refused is read again
 * from where it came from, before anybody is told that it is no good.
 */
import { createRedact } from "../../base/redact.ts";

export class ApiKey {
  readonly #reread: () => string | null;
  readonly #known: string[];
  #current: string;

  /** `reread` gives the key as it is now, or null when it cannot be read or never changes. */
  constructor(key: string, reread: () => string | null = () => null) {
    this.#current = key;
    this.#known = [key];
    this.#reread = reread;
  }

  get current(): string {
    return this.#current;
  }

  /** True when there is another key than the one that was refused. */
  renew(refused: string): boolean {
    if (this.#current !== refused) return true;
    const found = this.#reread();
    if (found === null || found === "" || found === refused) return false;
    this.#current = found;
    this.#known.push(found);
    return true;
  }

  /** A platform may repeat the key that it refuses. */
  hide(text: string): string {
    return createRedact(this.#known)(text);
  }
}
