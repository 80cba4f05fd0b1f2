/**
 * Control messages of one stream, both ways: numbered, kept until the peer took them, delivered
 * once and in order. They need no credit, so a ^C passes a window that is full.
 */
import type { Ctl } from "../protocol/services.ts";

/** A person cannot press this many keys while a link is down, and a program must not. */
const UNACKED_MAX = 64;

export class CtlQueue {
  /** Number of the next one expected from the peer. */
  rx = 0;
  /** Number of the first one that the peer has not taken. */
  base = 0;
  /** Number of the next one to send. */
  #cursor = 0;
  #kept: Ctl[] = [];

  /** Number of the next one to send. */
  get tx(): number {
    return this.#cursor;
  }

  get unacked(): boolean {
    return this.#kept.length > 0;
  }

  /**
   * False when too many wait. Of sizes that were not sent yet only the newest counts, of one urgent
   * key the first that was not taken: a key that is held down fills no queue.
   */
  push(ctl: Ctl): boolean {
    if (ctl.type === "urgent") {
      if (this.#kept.some((kept) => kept.type === "urgent" && kept.key === ctl.key)) return true;
    }
    const last = this.#kept.at(-1);
    const unsent = this.base + this.#kept.length > this.#cursor;
    if (ctl.type === "resize" && last?.type === "resize" && unsent) {
      this.#kept[this.#kept.length - 1] = ctl;
      return true;
    }
    if (this.#kept.length >= UNACKED_MAX) return false;
    this.#kept.push(ctl);
    return true;
  }

  /** The next one to send, with its number; null when all were sent. */
  take(): { readonly seq: number; readonly ctl: Ctl } | null {
    const ctl = this.#kept[this.#cursor - this.base];
    if (ctl === undefined) return null;
    return { seq: this.#cursor++, ctl };
  }

  /** The peer took all before `rx`. False when it claims one that was never sent. */
  acked(rx: number): boolean {
    if (rx > this.#cursor) return false;
    if (rx > this.base) this.#kept.splice(0, rx - this.base);
    this.base = Math.max(this.base, rx);
    return true;
  }

  /** Sends again from `rx` on. False when that was forgotten already, or never sent. */
  rewind(rx: number): boolean {
    if (rx < this.base || rx > this.#cursor) return false;
    this.acked(rx);
    this.#cursor = rx;
    return true;
  }

  /** Takes note of one that arrived: deliver it, it is old, or one before it is missing. */
  arrived(seq: number): "deliver" | "old" | "gap" {
    if (seq < this.rx) return "old";
    if (seq > this.rx) return "gap";
    this.rx += 1;
    return "deliver";
  }
}
