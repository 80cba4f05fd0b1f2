/**
 * Who has proven on a connection who it is. The same words again on that connection are compared
 * with those, in constant time, because others may share it behind a proxy; that costs a fraction
 * of a digest. Whether whoever it was may still go on is asked elsewhere, each time.
 */
import { timingSafeEqual } from "node:crypto";
import type { Principal } from "./principal.ts";

interface Proven {
  readonly words: Buffer;
  readonly principal: Principal;
}

export class Acquainted {
  /** Ends with the connection, and the words with it. */
  readonly #bySocket = new WeakMap<object, Proven>();

  find(socket: object, words: string): Principal | null {
    const proven = this.#bySocket.get(socket);
    if (proven === undefined) return null;
    const told = Buffer.from(words);
    const isSame = told.length === proven.words.length && timingSafeEqual(told, proven.words);
    return isSame ? proven.principal : null;
  }

  keep(socket: object, words: string, principal: Principal): void {
    this.#bySocket.set(socket, { words: Buffer.from(words), principal });
  }
}
