/**
 * The ticket that the hub wrote into this sandbox: with the launch in the config, with a nudge in a
 * file beside it. Sent with one hello; a restored copy of this process finds it used.
 */
import { readFile } from "node:fs/promises";
import type { Clock } from "../base/clock.ts";

/** A ticket only hastens things: a disk that is slower than this does not hold up the dial. */
const READ_WAIT_MS = 200;
const TICKET_CHARS_MAX = 128;

export class Ticket {
  readonly #file: string;
  #reading: Promise<string | null>;

  constructor(first: string | null, file: string) {
    this.#file = file;
    this.#reading = Promise.resolve(first);
  }

  /** A nudge came: there may be a new one. What was there before stays if there is not. */
  read(): void {
    const before = this.#reading;
    this.#reading = readFile(this.#file, "utf8").then(
      (text) => {
        const ticket = text.trim();
        return ticket === "" || ticket.length > TICKET_CHARS_MAX ? before : ticket;
      },
      // Nudged by hand, or the write failed: a dial without a ticket is decided by a ping.
      () => before,
    );
  }

  get(clock: Clock): Promise<string | null> {
    let timer: unknown;
    const late = new Promise<null>((resolve) => {
      timer = clock.setTimeout(() => resolve(null), READ_WAIT_MS);
    });
    return Promise.race([this.#reading, late]).finally(() => clock.clearTimeout(timer));
  }

  used(): void {
    this.#reading = Promise.resolve(null);
  }
}
