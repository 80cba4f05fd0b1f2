/**
 * What waits in a whole hub for clients and drivers that read slowly. Each link has a bound of its
 * own; many slow ones together have this one. Above it the link that keeps most is cut with 4414:
 * its peer dials again and goes on where it was, so nothing is lost but its place.
 */
import { limits } from "../../base/limits.ts";

export interface Waiting {
  readonly waitingBytes: number;
  /** It reads too slowly. */
  cut(): void;
}

export class WaitingBytes {
  /** Of all links together. */
  bytes = 0;
  readonly #links = new Set<Waiting>();

  enter(link: Waiting): void {
    this.#links.add(link);
  }

  leave(link: Waiting): void {
    this.#links.delete(link);
  }

  count(bytes: number): void {
    this.bytes += bytes;
  }

  /** Makes room by cutting whoever keeps most, as often as needed. */
  bound(): void {
    while (this.bytes > limits.HUB_EGRESS_BYTES_MAX) {
      let worst: Waiting | null = null;
      for (const link of this.#links) {
        if (link.waitingBytes > (worst?.waitingBytes ?? 0)) worst = link;
      }
      if (worst === null) return;
      worst.cut();
    }
  }
}
