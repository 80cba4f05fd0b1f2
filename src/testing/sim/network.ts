/**
 * Links between simulated processes as the hub and the driver see them: FrameSockets that carry
 * whole messages in order, with latency, and break in the ways in which TCP breaks. A stalled link
 * says nothing to either side; a killed process ends its links with 1006.
 */
import type { Random } from "../../base/random.ts";
import type { FrameSocket, SocketEnd } from "../../transport/frame-socket.ts";
import { PendingEvents } from "../../transport/pending-events.ts";
import type { SimKernel, SimProcess } from "./kernel.ts";

/** An unanswered close frame becomes a hard end after this, as in the real socket. */
const CLOSE_TIMEOUT_MS = 2_000;
const LOST: SocketEnd = { code: 1006, reason: "" };

export class SimLink {
  readonly hub: FrameSocket;
  readonly driver: FrameSocket;
  readonly #kernel: SimKernel;
  readonly #random: Random;
  readonly #latencyMs: () => number;
  #stalled = false;
  #lost: "none" | "to the hub" | "to the driver" = "none";
  #cut = false;
  #unheardSinceMs: number | null = null;

  constructor(options: {
    kernel: SimKernel;
    random: Random;
    latencyMs: () => number;
    hub: SimProcess;
    driver: SimProcess;
  }) {
    this.#kernel = options.kernel;
    this.#random = options.random;
    this.#latencyMs = options.latencyMs;
    const hub = new SimEnd(this, options.hub);
    const driver = new SimEnd(this, options.driver);
    hub.peer = driver;
    driver.peer = hub;
    this.hub = hub;
    this.driver = driver;
    for (const end of [hub, driver]) {
      end.process.onDeath(() => {
        end.gone();
        this.carry(end.peer, () => end.peer?.ended(LOST));
      });
    }
    this.#ends = [hub, driver];
  }

  readonly #ends: readonly SimEnd[];

  /** Real time since which the hub hears nothing on a link that it still holds; else null. */
  get unheardSinceMs(): number | null {
    return this.#ends[0]?.open === true ? this.#unheardSinceMs : null;
  }

  /** Both ends hear nothing any more, and no error: a dead middlebox. */
  stall(): void {
    this.#unheardSinceMs ??= this.#kernel.now;
    this.#stalled = true;
  }

  /** One side hears nothing any more; the other hears all. */
  lose(direction: "to the hub" | "to the driver"): void {
    if (direction === "to the hub") this.#unheardSinceMs ??= this.#kernel.now;
    this.#lost = direction;
  }

  /** RST to both sides. */
  cut(): void {
    if (this.#cut) return;
    this.#cut = true;
    for (const end of this.#ends) this.#kernel.at(0, () => end.ended(LOST));
  }

  /** Messages come through both ways. */
  get clear(): boolean {
    return this.open && !this.#stalled && this.#lost === "none";
  }

  get open(): boolean {
    return !this.#cut && this.#ends.every((end) => end.open);
  }

  isOf(driver: SimProcess | undefined): boolean {
    return this.#ends.some((end) => end.process === driver);
  }

  /** Takes `fn` to that side, unless the way to it is lost. */
  carry(to: FrameSocket | null, fn: () => void): void {
    if (!this.#carries(to)) return;
    const jitter = 1 + this.#random.next();
    this.#kernel.at(this.#latencyMs() * jitter, () => {
      if (this.#carries(to)) fn();
    });
  }

  #carries(to: FrameSocket | null): boolean {
    if (this.#stalled || this.#cut) return false;
    if (this.#lost === "none") return true;
    return (to === this.hub) !== (this.#lost === "to the hub");
  }

  later(ms: number, fn: () => void): void {
    this.#kernel.at(ms, fn);
  }
}

class SimEnd implements FrameSocket {
  readonly process: SimProcess;
  peer: SimEnd | null = null;
  readonly #link: SimLink;
  readonly #events = new PendingEvents();
  #open = true;
  /** Messages travel in order although each has its own latency. */
  #inbox: Uint8Array[] = [];

  constructor(link: SimLink, process: SimProcess) {
    this.#link = link;
    this.process = process;
  }

  readonly bufferedBytes = 0;

  get open(): boolean {
    return this.#open;
  }

  send(message: Uint8Array): void {
    if (!this.#open) return;
    const { peer } = this;
    if (peer === null) return;
    // What was sent is the socket's, as with a real one: nobody writes into it any more.
    peer.#inbox.push(message);
    this.#link.carry(peer, peer.deliver);
  }

  readonly deliver = (): void => {
    const message = this.#inbox.shift();
    if (message === undefined) return;
    this.process.hear(() => {
      if (this.#open) this.#events.frame(message);
    });
  };

  close(code: number, reason: string): void {
    if (!this.#open) return;
    const end = { code, reason };
    this.#link.carry(this.peer, () => {
      this.peer?.ended(end);
      this.#link.carry(this, () => this.ended(end));
    });
    this.#link.later(CLOSE_TIMEOUT_MS, () => this.ended({ code: 1006, reason }));
  }

  terminate(): void {
    this.#link.carry(this.peer, () => this.peer?.ended(LOST));
    this.#link.later(0, () => this.ended(LOST));
  }

  ended(end: SocketEnd): void {
    if (!this.#open) return;
    this.process.run(() => {
      if (!this.#open) return;
      this.#open = false;
      this.#events.end(end);
    });
  }

  /** The process died: nobody is left to tell. */
  gone(): void {
    this.#open = false;
  }

  onFrame(listener: (message: Uint8Array) => void): void {
    this.#events.onFrame(listener);
  }

  onClose(listener: (end: SocketEnd) => void): void {
    this.#events.onClose(listener);
  }

  onDrain(listener: () => void): void {
    this.#events.onDrain(listener);
  }
}
