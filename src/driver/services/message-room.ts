/**
 * One server of messages and the one who speaks to it. It belongs to the driver, not to a channel:
 * it runs on while nobody is there, for as long as its lease, and what it says then waits.
 *
 * Only whole messages go in and out: what a client had begun to say when it was lost is dropped.
 */
import type { Clock, TimerId } from "../../base/clock.ts";
import { limits } from "../../base/limits.ts";
import { encodeMessage, MessageDecoder, type MessageCodec } from "../../protocol/message-frames.ts";
import { ProtocolError } from "../../protocol/protocol-error.ts";
import type { Reset } from "../../protocol/services.ts";
import type { Stream } from "../../stream/stream.ts";
import type { Exit } from "./ending.ts";
import { MessageLog } from "./message-log.ts";
import type { ByteSink } from "./pipes.ts";

/** What waits for somebody to take it; above it the program itself is held back. */
const WAITING_BYTES_MAX = 1024 * 1024;
/** The lease is counted in steps of this; a longer gap was a freeze and counts as one step. */
const LEASE_STEP_MS = 1_000;

export interface MessageRoomOptions {
  readonly id: string;
  /** For sentences. */
  readonly program: string;
  readonly codec: MessageCodec;
  /** A promise holds back what follows. */
  readonly write: (bytes: Uint8Array) => void | Promise<void>;
  readonly hangUp: () => void;
  readonly leaseMs: number;
  readonly clock: Clock;
  /** Nobody can join any more. */
  readonly onOver: () => void;
}

interface Seat {
  readonly stream: Stream;
  /** Number of the next message to show. */
  next: number;
  /** Bytes wait for credit. */
  busy: boolean;
}

type Phase =
  | { readonly name: "joined"; readonly seat: Seat }
  | { readonly name: "alone"; readonly timer: TimerId }
  | { readonly name: "over" };

type End =
  | { readonly kind: "exited"; readonly exit: Exit; readonly words: string }
  | { readonly kind: "broken"; readonly message: string };

export class MessageRoom implements ByteSink {
  readonly id: string;
  readonly #options: MessageRoomOptions;
  readonly #log = new MessageLog();
  #phase: Phase;
  #end: End | null = null;
  /** Messages of clients that the program was given. */
  #given = 0;
  #waiters: (() => void)[] = [];

  constructor(options: MessageRoomOptions) {
    this.id = options.id;
    this.#options = options;
    this.#phase = this.#alone(options.leaseMs);
  }

  /** The newest has it. `heard` is what it has of this very server, from the first message on. */
  join(stream: Stream, heard: number | null): void {
    const { program } = this.#options;
    if (heard !== null && heard > this.#log.said) {
      const said = `${program} has said ${this.#log.said} messages, not ${heard}`;
      stream.reset("NOT_FOUND", `${said}: it is another one`);
      return;
    }
    const from = Math.max(heard ?? this.#log.taken, this.#log.first);
    if (heard !== null) this.#log.take(heard);
    this.#leave("CANCELLED", "another client joined this server");
    const seat: Seat = { stream, next: from, busy: false };
    this.#phase = { name: "joined", seat };
    const decoder = new MessageDecoder();
    stream.listen({
      onBytes: (bytes) => this.#hear(stream, decoder, bytes),
      onCtl: (ctl) => {
        if (ctl.type !== "taken") return;
        this.#log.take(ctl.messages);
        this.#release();
      },
      onClosed: () => this.#left(seat),
    });
    const messages = { server: this.id, from, taken: this.#given };
    stream.accept({ messages }, limits.STREAM_WINDOW_BYTES);
    this.#show(seat);
  }

  /** Output of the program. False while it is to wait. */
  write(bytes: Uint8Array): boolean {
    if (this.#end === null) {
      try {
        const messages = this.#options.codec.push(bytes);
        for (const text of messages) this.#log.append(encodeMessage(text));
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        this.#end = { kind: "broken", message: `${this.#options.program}: ${error.message}` };
        // Told to who is there; without anybody its lease ends it, or who comes hears of it.
      }
    }
    if (this.#phase.name === "joined") this.#show(this.#phase.seat);
    return !this.#isHeld();
  }

  whenSent(): Promise<void> {
    if (!this.#isHeld()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** The program has ended. What it said can still be heard while its lease runs. */
  exited(exit: Exit, words: string): void {
    this.#end ??= { kind: "exited", exit, words };
    if (this.#phase.name === "joined") this.#show(this.#phase.seat);
  }

  /** Ends it; who is there is told by this reset. */
  close(reset: Reset): void {
    if (this.#phase.name === "over") return;
    this.#leave(reset.code, reset.message);
    this.#phase = { name: "over" };
    this.#options.hangUp();
    this.#release();
    this.#options.onOver();
  }

  async #hear(stream: Stream, decoder: MessageDecoder, bytes: Uint8Array): Promise<void> {
    try {
      for (const text of decoder.push(bytes)) {
        await this.#options.write(this.#options.codec.encode(text));
        this.#given += 1;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      stream.reset("PROTOCOL", error.message);
    }
  }

  #show(seat: Seat): void {
    const { stream } = seat;
    for (;;) {
      if (seat.busy || stream.closed) return;
      const message = this.#log.at(seat.next);
      if (message === null) break;
      seat.next += 1;
      if (stream.write(message)) continue;
      seat.busy = true;
      void stream.whenSent().then(() => {
        seat.busy = false;
        this.#show(seat);
        this.#release();
      });
    }
    if (this.#end === null) return;
    // All is said: its end is the last word.
    if (this.#end.kind === "broken") {
      this.close({ code: "PROTOCOL", message: this.#end.message });
      return;
    }
    stream.ctl({ type: "exit", ...this.#end.exit, words: this.#end.words });
    stream.end();
    // Nobody needs it who has heard of its end; who was lost meanwhile may come back for that.
    void stream.whenSent().then(() => {
      if (this.#phase.name !== "joined" || this.#phase.seat !== seat) return;
      this.#phase = { name: "over" };
      this.#options.onOver();
    });
  }

  #isHeld(): boolean {
    if (this.#phase.name === "over" || this.#end !== null) return false;
    const isBusy = this.#phase.name === "joined" && this.#phase.seat.busy;
    return isBusy || this.#log.waitingBytes >= WAITING_BYTES_MAX;
  }

  #leave(code: Reset["code"], message: string): void {
    const phase = this.#phase;
    if (phase.name === "alone") this.#options.clock.clearTimeout(phase.timer);
    if (phase.name !== "joined") return;
    // Whoever is sent away is not the one who left.
    this.#phase = { name: "over" };
    phase.seat.stream.reset(code, message);
  }

  #left(seat: Seat): void {
    if (this.#phase.name !== "joined" || this.#phase.seat !== seat) return;
    this.#phase = this.#alone(this.#options.leaseMs);
    this.#release();
  }

  #alone(leftMs: number): Phase {
    const stepMs = Math.min(leftMs, LEASE_STEP_MS);
    const timer = this.#options.clock.setTimeout(() => {
      if (this.#phase.name !== "alone") return;
      if (leftMs > stepMs) this.#phase = this.#alone(leftMs - stepMs);
      else this.close({ code: "LEASE_EXPIRED", message: "nobody came back in time" });
    }, stepMs);
    return { name: "alone", timer };
  }

  #release(): void {
    if (this.#isHeld()) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
