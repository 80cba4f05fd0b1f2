/**
 * Writes into the master of a pty, in order, and waits where it takes no more. The engine's own
 * stream cannot: it treats a master as a file that never says "later", and when a program leaves
 * its input unread the whole process turns in that one write and hears nothing else.
 */
import { writeSync } from "node:fs";
import type { ReadStream } from "node:tty";
import type { Clock, TimerId } from "../../base/clock.ts";
import { codeOf } from "../services/process-group.ts";

/** There is no event for it: asked again after so long, and twice as long each time. */
const RETRY_MIN_MS = 1;
const RETRY_MAX_MS = 32;

interface Waiting {
  rest: Uint8Array;
  readonly done: () => void;
}

export class MasterWriter {
  readonly #master: ReadStream;
  readonly #fd: number;
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  #timer: TimerId = null;

  constructor(master: ReadStream, fd: number, clock: Clock) {
    this.#master = master;
    this.#fd = fd;
    this.#clock = clock;
    master.once("close", () => this.#retry(RETRY_MIN_MS));
  }

  /** Resolves when the kernel has the bytes, or nobody is there any more to take them. */
  write(bytes: Uint8Array): void | Promise<void> {
    const rest = this.#waiting.length === 0 ? this.#put(bytes) : bytes;
    if (rest.length === 0) return;
    return new Promise((done) => {
      this.#waiting.push({ rest, done });
      if (this.#waiting.length === 1) this.#retryIn(RETRY_MIN_MS);
    });
  }

  #retryIn(waitMs: number): void {
    this.#timer = this.#clock.setTimeout(() => this.#retry(waitMs), waitMs);
  }

  #retry(waitedMs: number): void {
    this.#clock.clearTimeout(this.#timer);
    for (let waitMs = waitedMs * 2; ; waitMs = RETRY_MIN_MS) {
      const [first] = this.#waiting;
      if (first === undefined) return;
      const before = first.rest.length;
      first.rest = this.#put(first.rest);
      if (first.rest.length > 0) {
        this.#retryIn(first.rest.length < before ? RETRY_MIN_MS : Math.min(waitMs, RETRY_MAX_MS));
        return;
      }
      this.#waiting.shift();
      first.done();
    }
  }

  /** Returns what the kernel did not take. */
  #put(bytes: Uint8Array): Uint8Array {
    let rest = bytes;
    // The number of a closed file is soon another's.
    while (rest.length > 0 && !this.#master.destroyed) {
      try {
        rest = rest.subarray(writeSync(this.#fd, rest));
      } catch (error) {
        if (codeOf(error) === "EAGAIN") return rest;
        // EIO: the program is gone, and what it did not read with it.
        if (codeOf(error) === "EIO") break;
        throw error;
      }
    }
    return rest.subarray(rest.length);
  }
}
