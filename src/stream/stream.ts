/**
 * One stream of a channel: two halves of bytes, control messages, one end. Owns the order in
 * which its consumer sees things: chunks one after the other, each acknowledged when the consumer
 * took it, the end after the last of them. It outlives the link under it: what was not taken is
 * kept, and sent again where the peer stands. Does not own ids, routes or what it is for.
 */
import { limits } from "../base/limits.ts";
import {
  encodeCredit,
  encodeCtl,
  encodeJson,
  encodeProbe,
  encodeResync,
} from "../protocol/bodies.ts";
import type { CreditBody, DataBody, ProbeBody, ResyncBody } from "../protocol/bodies.ts";
import { FrameType } from "../protocol/frame.ts";
import type { ResumeEntry } from "../protocol/resume.ts";
import type { Ctl, OpenOk, Reset } from "../protocol/services.ts";
import { CtlQueue } from "./ctl-queue.ts";
import type { DataSource } from "./egress.ts";
import { ownBytes } from "./own-bytes.ts";
import { ReceiveSide } from "./receive-side.ts";
import { RESUME_FAULTS, SendSide } from "./send-side.ts";
import type { StreamEnd, StreamEvents, StreamOptions, StreamPort } from "./stream-port.ts";
import { WindowPacer } from "./window-pacer.ts";

export type { StreamEnd, StreamEvents, StreamPort } from "./stream-port.ts";

export class Stream implements DataSource {
  readonly id: number;
  readonly #port: StreamPort;
  readonly #send: SendSide;
  readonly #receive: ReceiveSide;
  readonly #ctl = new CtlQueue();
  readonly #pacer: WindowPacer;
  /** The body of its OPEN; null when the peer opened it. */
  readonly #request: Uint8Array | null;
  /** The answer to OPEN, given or received. */
  #answer: OpenOk | null = null;
  #events: StreamEvents = {};
  #end: StreamEnd | null = null;
  /** Chunks that arrived while the consumer was busy with an earlier one, or not there yet. */
  readonly #arrived: Uint8Array[] = [];
  #consuming: boolean;
  #endDelivered = false;
  readonly #senders: (() => void)[] = [];
  /** The position from which the peer was last asked to send again. */
  #resyncedAt = -1;
  /** The highest offset that the peer was told it may reach. */
  #toldMax = 0;
  /** A frame of it came since `probe` looked; set before the frame is read. */
  heard = false;

  constructor(port: StreamPort, options: StreamOptions) {
    this.#port = port;
    this.id = options.id;
    const { crc32, open, own, crcOfOpen } = options;
    const startCrc = crcOfOpen ? crc32(open, 0) : 0;
    this.#send = new SendSide(options.sendBytes, crc32, startCrc);
    this.#receive = new ReceiveSide(options.receiveBytes, crc32, startCrc);
    this.#pacer = new WindowPacer(options.clock);
    this.#request = own ? open : null;
    this.#consuming = !own;
  }

  get closed(): boolean {
    return this.#end !== null;
  }

  get windowBytes(): number {
    return this.#receive.windowBytes;
  }

  /** Bytes that were written and the peer has not taken. */
  get keptBytes(): number {
    return this.#send.keptBytes;
  }

  /** Those, and bytes that wait for the consumer here. */
  get heldBytes(): number {
    return this.keptBytes + this.#receive.heldBytes;
  }

  /** Grows with every byte that one of the two ends has taken. */
  get progress(): number {
    return this.#send.takenBytes + this.#receive.takenBytes;
  }

  /** Something was sent and not confirmed: silence may mean that it was lost on the way. */
  get #unconfirmed(): boolean {
    const opening = this.#request !== null && this.#answer === null;
    return opening || this.#send.unacked || this.#ctl.unacked;
  }

  /** The peer has taken all that there is, and that is known here. */
  get quiet(): boolean {
    return this.keptBytes === 0 && !this.#send.ready && !this.#unconfirmed;
  }

  /** Must be set in the turn in which the stream appears. */
  listen(events: StreamEvents): void {
    this.#events = events;
  }

  /** Answers the peer's OPEN. `receiveBytes` is the window for what the peer sends. */
  accept(ok: Omit<OpenOk, "rxMax">, receiveBytes: number): void {
    if (this.closed) return;
    this.#receive.open(receiveBytes);
    this.#answer = { ...ok, rxMax: receiveBytes };
    this.#control(FrameType.openOk, encodeJson(this.#answer));
    this.#consuming = false;
    this.#consume();
  }

  /** False when the bytes wait for credit, for the link or for the channel: see `whenSent`. */
  write(bytes: Uint8Array): boolean {
    if (this.closed) return true;
    this.#send.push(bytes);
    this.#port.ready(this);
    return !this.#waits;
  }

  /** Resolves when nothing waits to be sent, also when the stream closed meanwhile. */
  whenSent(): Promise<void> {
    return this.#waits ? new Promise((goOn) => this.#senders.push(goOn)) : Promise.resolve();
  }

  /** Who waits in `whenSent` goes on, if nothing is in the way any more. */
  settle(): void {
    if (!this.#waits) for (const goOn of this.#senders.splice(0)) goOn();
  }

  /** Half close after all that was written; with `discard` what still waits is forgotten. */
  end(options: { readonly discard?: boolean } = {}): void {
    if (this.closed) return;
    if (options.discard === true) this.#send.discard();
    this.#send.end();
    this.#port.ready(this);
    this.settle();
  }

  ctl(ctl: Ctl): void {
    if (this.closed) return;
    if (!this.#ctl.push(ctl)) this.reset("LIMIT", "too many control messages wait");
    else this.#sendCtls();
  }

  reset(code: Reset["code"], message: string): void {
    if (this.closed) return;
    const reset = { code, message };
    this.#control(FrameType.reset, encodeJson(reset));
    this.#close({ kind: "reset", by: "self", reset });
  }

  /** Ends it without a word to the peer: it was its own word, or there is no way to it. */
  drop(reset: Reset): void {
    this.#close({ kind: "reset", by: "peer", reset });
  }

  nextFrame(bytesMax: number): Uint8Array | null {
    if (this.closed) return null;
    const segment = this.#send.take(bytesMax);
    if (segment === null) return null;
    const frame = this.#port.data(this.id, segment, segment.fin ? this.#ctl.tx : null);
    this.settle();
    return frame;
  }

  /** Where both halves stand, for the peer; it counts as told. */
  entry(): ResumeEntry {
    const answered = this.#answered;
    const { rx: ctlRx } = this.#ctl;
    return { stream: this.id, answered, ...this.#receive.tell(), ctlRx, tx: this.#send.tx };
  }

  /** The peer's side of it, on a new link. Either the stream goes on from there, or it ends. */
  resume(peer: ResumeEntry): void {
    const verdict = this.#send.judge(peer);
    if (verdict !== "resumed") {
      const [code, message] = RESUME_FAULTS[verdict];
      this.reset(code, message);
    } else if (!this.#ctl.rewind(peer.ctlRx)) {
      this.reset("ROLLED_BACK", "the peer counts what was never sent");
    } else {
      this.#send.resume(peer);
      this.#closeWhenFinished();
    }
  }

  /**
   * Says again what it is, unless the peer has taken it up: one that is restored and does not know
   * it any more must not begin it anew under the bytes of its past.
   */
  reopen(): void {
    if (!this.#answered) this.#open();
  }

  /** A link is there again: says what the peer may not have heard. */
  bound(): void {
    if (this.closed) return;
    this.#resyncedAt = -1;
    this.#pacer.forget();
    this.#sendCtls();
    this.#port.ready(this);
    // What waits for `accept`, or for a reader that is busy, is told after it.
    if (!this.#consuming) this.#took(0);
  }

  /** Asks what arrived: when nothing was heard since the last look, or in any case. */
  probe(always = false): void {
    const heard = this.heard && !always;
    this.heard = false;
    if (heard || this.closed || !this.#unconfirmed) return;
    if (this.#answer === null) this.#open();
    this.#control(FrameType.probe, encodeProbe({ tx: this.#send.tx, ctlTx: this.#ctl.tx }));
  }

  /** The peer opened it again: it did not hear the answer. */
  receivedOpenAgain(): void {
    if (this.#answer !== null) this.#control(FrameType.openOk, encodeJson(this.#answer));
  }

  receivedOpenOk(ok: OpenOk): void {
    if (this.closed || this.#answer !== null) return;
    this.#answer = ok;
    this.#send.grant(ok.rxMax);
    this.#events.onOpen?.(ok);
    this.#port.ready(this);
  }

  receivedData(data: DataBody): void {
    if (this.closed) return;
    const { ctlTx } = data;
    // The end comes after every control message before it: an exit is never overtaken.
    const early = ctlTx !== null && ctlTx > this.#ctl.rx;
    const arrival = this.#receive.accept(data, ctlTx !== null && !early);
    if (arrival.kind === "over-credit") {
      this.reset("CREDIT_VIOLATION", "more bytes than were granted");
    } else if (arrival.kind === "after-end") {
      this.reset("PROTOCOL", "bytes after the end");
    } else if (arrival.kind === "gap") {
      this.#resync();
    } else {
      this.#pacer.arrived(this.#receive.rx);
      if (arrival.bytes.length > 0) this.#arrived.push(ownBytes(arrival.bytes));
      if (early) this.#resync();
      this.#consume();
    }
  }

  receivedCredit(credit: CreditBody): void {
    if (this.closed) return;
    if (!this.#send.credit(credit) || !this.#ctl.acked(credit.ctlRx)) {
      this.reset("ROLLED_BACK", "the peer has what was never sent");
      return;
    }
    this.#sendCtls();
    if (this.#send.ready) this.#port.ready(this);
    this.#closeWhenFinished();
  }

  receivedResync(resync: ResyncBody): void {
    if (this.closed) return;
    this.#send.rewind(resync);
    this.#ctl.rewind(resync.ctlRx);
    this.#sendCtls();
    this.#port.ready(this);
  }

  receivedProbe(probe: ProbeBody): void {
    if (this.closed) return;
    if (probe.tx > this.#receive.rx || probe.ctlTx > this.#ctl.rx) this.#resync(true);
    else this.#credit();
  }

  receivedCtl(seq: number, ctl: Ctl | null): void {
    if (this.closed) return;
    const arrival = this.#ctl.arrived(seq);
    if (arrival === "gap") {
      this.#resync();
      return;
    }
    this.#credit();
    if (arrival === "old" || ctl === null) return;
    try {
      this.#events.onCtl?.(ctl);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #consume(): void {
    while (!this.#consuming && !this.closed) {
      const bytes = this.#arrived.shift();
      if (bytes === undefined) {
        this.#took(0);
        return;
      }
      let result: void | Promise<void> = undefined;
      try {
        result = this.#events.onBytes?.(bytes);
      } catch (error) {
        this.#refuse(error);
      }
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

  /** The consumer failed: the peer must not go on as if its bytes had arrived. */
  #refuse(error: unknown): void {
    this.reset("IO", error instanceof Error ? error.message : String(error));
  }

  #took(length: number): void {
    if (this.closed) return;
    const due = this.#receive.taken(length);
    if (length > 0) this.#pace();
    if (due) this.#credit();
    if (!this.#receive.finished || this.#endDelivered) return;
    this.#endDelivered = true;
    this.#events.onEnd?.();
    this.#closeWhenFinished();
  }

  #pace(): void {
    const { windowBytes, position } = this.#receive;
    if (!this.#pacer.taken(position.ack, windowBytes)) return;
    const more = Math.min(windowBytes, limits.STREAM_WINDOW_BYTES_MAX - windowBytes);
    if (more > 0 && this.#port.grow(more)) this.#receive.open(windowBytes + more);
  }

  /** Only what was said counts as told: without a link the next one will hear it. */
  #credit(): void {
    if (!this.#port.isLinked() || this.#port.isHushed()) return;
    const { rx, ack, max } = this.#receive.tell();
    this.#pacer.granted(this.#toldMax);
    this.#toldMax = max;
    this.#control(FrameType.credit, encodeCredit({ rx, ack, max, ctlRx: this.#ctl.rx }));
  }

  /** Once for each position, and again when the peer asks. */
  #resync(again = false): void {
    const { rx } = this.#receive;
    if (this.#resyncedAt === rx && !again) return;
    this.#resyncedAt = rx;
    this.#control(FrameType.resync, encodeResync({ rx, ctlRx: this.#ctl.rx }));
  }

  #sendCtls(): void {
    while (this.#port.isLinked()) {
      const next = this.#ctl.take();
      if (next === null) return;
      this.#control(FrameType.ctl, encodeCtl(next.seq, encodeJson(next.ctl)));
    }
  }

  #closeWhenFinished(): void {
    if (this.#endDelivered && this.#send.finConsumed) this.#close({ kind: "finished" });
  }

  #close(end: StreamEnd): void {
    if (this.closed) return;
    this.#end = end;
    this.#arrived.length = 0;
    this.#port.closed(this, end);
    this.settle();
    this.#events.onClosed?.(end);
  }

  get #waits(): boolean {
    return !this.closed && (this.#send.waitingBytes > 0 || this.#port.isHushed());
  }

  /** The answer may be lost and what followed not: all that shows that the peer has it is one. */
  get #answered(): boolean {
    const seen = this.#receive.rx + this.#ctl.rx + this.#ctl.base + this.#send.takenBytes;
    return this.#answer !== null || seen > 0 || this.#send.finConsumed;
  }

  #open(): void {
    if (!this.closed && this.#request !== null) this.#control(FrameType.open, this.#request);
  }

  #control(type: FrameType, body: Uint8Array): void {
    this.#port.send(this.id, type, body);
  }
}
