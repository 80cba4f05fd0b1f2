/**
 * One stream of a channel: two halves of bytes, control messages, one end. Owns the order in
 * which its consumer sees things: chunks one after the other, each acknowledged when the consumer
 * took it, the end after the last of them. Does not own ids, routes or what a stream is for.
 */
import { limits } from "../base/limits.ts";
import { encodeCredit, encodeData, encodeJson } from "../protocol/bodies.ts";
import type { CreditBody, DataBody } from "../protocol/bodies.ts";
import { FLAG_FIN, FrameType } from "../protocol/frame.ts";
import type { Ctl, OpenOk, Reset } from "../protocol/services.ts";
import type { DataSource } from "./egress.ts";
import { ownBytes } from "./own-bytes.ts";
import { ReceiveSide } from "./receive-side.ts";
import { SendSide } from "./send-side.ts";

export type StreamEnd =
  /** Both directions ended and were consumed. */
  | { readonly kind: "finished" }
  | { readonly kind: "reset"; readonly by: "peer" | "self"; readonly reset: Reset };

export interface StreamEvents {
  /** The peer accepted; only for streams that this side opened. */
  readonly onOpen?: (ok: OpenOk) => void;
  /** A promise holds back the next chunk and, in the end, the peer's source. */
  readonly onBytes?: (bytes: Uint8Array) => void | Promise<void>;
  /** The peer's last byte was taken. */
  readonly onEnd?: () => void;
  readonly onCtl?: (ctl: Ctl) => void;
  readonly onClosed?: (end: StreamEnd) => void;
}

/** What a stream needs of its channel. */
export interface StreamPort {
  frame(stream: number, type: FrameType, flags: number, body: Uint8Array): Uint8Array;
  control(message: Uint8Array): void;
  ready(source: DataSource): void;
  closed(stream: Stream): void;
}

export class Stream implements DataSource {
  readonly id: number;
  readonly #port: StreamPort;
  readonly #send: SendSide;
  readonly #receive: ReceiveSide;
  #events: StreamEvents = {};
  #end: StreamEnd | null = null;
  /** Chunks that arrived while the consumer was busy with an earlier one, or not there yet. */
  readonly #arrived: Uint8Array[] = [];
  #consuming: boolean;
  #endDelivered = false;
  #senders: (() => void)[] = [];

  constructor(
    port: StreamPort,
    id: number,
    grants: { readonly sendBytes: number; readonly receiveBytes: number },
    /** The peer opened it: nothing is handed on before `accept`. */
    waits: boolean,
  ) {
    this.#port = port;
    this.id = id;
    this.#send = new SendSide(grants.sendBytes);
    this.#receive = new ReceiveSide(grants.receiveBytes);
    this.#consuming = waits;
  }

  get closed(): boolean {
    return this.#end !== null;
  }

  /** Must be set in the turn in which the stream appears. */
  listen(events: StreamEvents): void {
    this.#events = events;
  }

  /** Answers the peer's OPEN. `receiveBytes` is the window for what the peer sends. */
  accept(ok: Omit<OpenOk, "rxMax">, receiveBytes: number): void {
    if (this.closed) return;
    this.#receive.open(receiveBytes);
    this.#control(FrameType.openOk, encodeJson({ ...ok, rxMax: receiveBytes }));
    this.#consuming = false;
    this.#consume();
  }

  /** False when the bytes have to wait for credit or for the socket: see `whenSent`. */
  write(bytes: Uint8Array): boolean {
    if (this.closed) return true;
    this.#send.push(bytes);
    this.#port.ready(this);
    return this.#send.waitingBytes === 0;
  }

  /** Resolves when nothing waits to be sent, also when the stream closed meanwhile. */
  whenSent(): Promise<void> {
    if (this.closed || this.#send.waitingBytes === 0) return Promise.resolve();
    return new Promise((resolve) => this.#senders.push(resolve));
  }

  /** Half close after all that was written; with `discard` what still waits is forgotten. */
  end(options: { readonly discard?: boolean } = {}): void {
    if (this.closed) return;
    if (options.discard === true) this.#send.discard();
    this.#send.end();
    this.#port.ready(this);
    this.#settleSenders();
  }

  ctl(ctl: Ctl): void {
    if (!this.closed) this.#control(FrameType.ctl, encodeJson(ctl));
  }

  reset(code: Reset["code"], message: string): void {
    if (this.closed) return;
    const reset = { code, message };
    this.#control(FrameType.reset, encodeJson(reset));
    this.#close({ kind: "reset", by: "self", reset });
  }

  /** Ends it without a word to the peer, because there is no way to it any more. */
  drop(reset: Reset): void {
    this.#close({ kind: "reset", by: "peer", reset });
  }

  nextFrame(): Uint8Array | null {
    if (this.closed) return null;
    const segment = this.#send.take(limits.DATA_BYTES_MAX);
    if (segment === null) return null;
    const flags = segment.fin ? FLAG_FIN : 0;
    const frame = this.#port.frame(this.id, FrameType.data, flags, encodeData(segment));
    this.#settleSenders();
    return frame;
  }

  receivedOpenOk(ok: OpenOk): void {
    if (this.closed) return;
    this.#send.grant(ok.rxMax);
    this.#events.onOpen?.(ok);
    this.#port.ready(this);
  }

  receivedData(data: DataBody, fin: boolean): void {
    if (this.closed) return;
    const arrival = this.#receive.accept(data, fin);
    if (arrival.kind === "over-credit") {
      this.reset("CREDIT_VIOLATION", "more bytes than were granted");
    } else if (arrival.kind === "gap") {
      this.reset("PROTOCOL", `bytes before offset ${data.offset} are missing`);
    } else if (arrival.kind === "after-end") {
      this.reset("PROTOCOL", "bytes after the end");
    } else {
      if (arrival.bytes.length > 0) this.#arrived.push(ownBytes(arrival.bytes));
      this.#consume();
    }
  }

  /** @throws ProtocolError */
  receivedCredit(credit: CreditBody, fin: boolean): void {
    if (this.closed) return;
    this.#send.credit(credit, fin);
    if (this.#send.ready) this.#port.ready(this);
    this.#closeWhenFinished();
  }

  receivedCtl(ctl: Ctl): void {
    if (this.closed) return;
    try {
      this.#events.onCtl?.(ctl);
    } catch (error) {
      this.#refuse(error);
    }
  }

  receivedReset(reset: Reset): void {
    this.#close({ kind: "reset", by: "peer", reset });
  }

  #consume(): void {
    while (!this.#consuming && !this.closed) {
      const bytes = this.#arrived.shift();
      if (bytes === undefined) {
        this.#took(0);
        return;
      }
      const result = this.#hand(bytes);
      if (result instanceof Promise) {
        this.#consuming = true;
        result.then(
          () => {
            this.#consuming = false;
            this.#took(bytes.length);
            this.#consume();
          },
          (error: unknown) => this.#refuse(error),
        );
      } else this.#took(bytes.length);
    }
  }

  #hand(bytes: Uint8Array): void | Promise<void> {
    try {
      return this.#events.onBytes?.(bytes);
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** The consumer failed: the peer must not go on as if its bytes had arrived. */
  #refuse(error: unknown): void {
    this.reset("IO", error instanceof Error ? error.message : String(error));
  }

  #took(length: number): void {
    if (this.closed) return;
    const due = this.#receive.taken(length);
    if (due !== null) {
      const flags = due.fin ? FLAG_FIN : 0;
      this.#control(FrameType.credit, encodeCredit(due.credit), flags);
    }
    if (!this.#receive.finished || this.#endDelivered) return;
    this.#endDelivered = true;
    this.#events.onEnd?.();
    this.#closeWhenFinished();
  }

  #closeWhenFinished(): void {
    if (this.#endDelivered && this.#send.finConsumed) this.#close({ kind: "finished" });
  }

  #close(end: StreamEnd): void {
    if (this.closed) return;
    this.#end = end;
    this.#send.discard();
    this.#arrived.length = 0;
    this.#port.closed(this);
    this.#settleSenders();
    this.#events.onClosed?.(end);
  }

  #settleSenders(): void {
    if (!this.closed && this.#send.waitingBytes > 0) return;
    const senders = this.#senders;
    this.#senders = [];
    for (const settle of senders) settle();
  }

  #control(type: FrameType, body: Uint8Array, flags = 0): void {
    this.#port.control(this.#port.frame(this.id, type, flags, body));
  }
}
