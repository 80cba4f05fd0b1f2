/**
 * All streams between one client and the driver: gives out ids, reads stream frames, refuses what
 * breaks the rules. It outlives its links: `bind` puts it on a new one, where both sides first
 * tell how far each stream is. Pure: frames in, frames out.
 *
 * Of a stream that is over a tombstone stays, so that a peer that did not hear of the end is told
 * again, and an OPEN that comes twice starts nothing twice.
 */
import { assert } from "../base/assert.ts";
import { crc32 } from "../base/crc32.ts";
import type { TimerId } from "../base/clock.ts";
import { limits } from "../base/limits.ts";
import {
  decodeCredit,
  decodeCtl,
  decodeData,
  decodeProbe,
  decodeResync,
  encodeCredit,
  encodeDataHead,
  encodeJson,
  type CreditBody,
} from "../protocol/bodies.ts";
import { parseControl } from "../protocol/control.ts";
import { encodeFrame, FLAG_FIN, FrameType, type Frame } from "../protocol/frame.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import type { ResumeEntry } from "../protocol/resume.ts";
import { OpenOk, readCtl, Reset, type OpenRequest, type Requests } from "../protocol/services.ts";
import { CHANNEL_FEATURES } from "../protocol/version.ts";
import type { ChannelLink, ChannelOptions, ChannelState } from "./channel-port.ts";
import { Stream, type StreamEnd, type StreamEvents, type StreamPort } from "./stream.ts";

export { NEW_CHANNEL } from "./channel-port.ts";
export type { ChannelLink, ChannelOptions, ChannelState } from "./channel-port.ts";

/** How a stream ended: with its last credit, or broken off. */
type Tombstone = CreditBody | Reset;

const SKIPPED_MAX = 256;

const GONE: Reset = { code: "GONE", message: "nothing is known of this stream any more" };

export class Channel {
  /** Frames that carried another epoch: late ones, from before a fence. */
  strayFrames = 0;
  readonly #options: ChannelOptions;
  readonly #streams = new Map<number, Stream>();
  readonly #tombstones = new Map<number, Tombstone>();
  readonly #port: StreamPort;
  #link: ChannelLink | null = null;
  #nextId: number;
  #highestPeerId = 0;
  /** Lower ids of the peer whose OPEN has not come: it was lost, and comes again. */
  readonly #skipped = new Set<number>();
  /** Of what both ends can do (version.ts); decided when the channel is made. */
  #features: readonly string[] = CHANNEL_FEATURES;
  #closed = false;
  #probeTimer: TimerId = null;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#nextId = options.side === "client" ? 1 : 2;
    this.#port = {
      isLinked: () => this.#link !== null,
      isHushed: () => options.isHushed?.() === true,
      send: (stream, type, body) =>
        this.#link?.egress.control(encodeFrame({ ...this.#header(stream, type), body })),
      data: (stream, { offset, parts, fin }, ctlTx) => {
        const head = encodeDataHead({ offset, ctlTx });
        const header = this.#header(stream, FrameType.data);
        return encodeFrame({ ...header, flags: fin ? FLAG_FIN : 0, body: [head, ...parts] });
      },
      ready: (source) => this.#link?.egress.ready(source, this.#link.route),
      grow: (bytes) => this.#grow(bytes),
      closed: (stream, end) => this.#buried(stream, end),
    };
  }

  get size(): number {
    return this.#streams.size;
  }

  get streams(): readonly Stream[] {
    return [...this.#streams.values()];
  }

  get link(): ChannelLink | null {
    return this.#link;
  }

  get features(): readonly string[] {
    return this.#features;
  }

  /** Both ends have named what they can do; before the first stream of the channel. */
  agree(features: readonly string[]): void {
    assert(
      this.#nextId <= 2 && this.#highestPeerId === 0,
      "a channel agrees before it has streams",
    );
    this.#features = features;
  }

  /** How a stream was broken off, as long as that is remembered. */
  resetOf(id: number): Reset | null {
    const tombstone = this.#tombstones.get(id);
    return tombstone !== undefined && "code" in tombstone ? tombstone : null;
  }

  /** Bytes kept for the peer and for consumers, of all streams. */
  get heldBytes(): number {
    let bytes = 0;
    for (const stream of this.#streams.values()) bytes += stream.heldBytes;
    return bytes;
  }

  /**
   * Opens a stream. `request.rxMax` is the window for what the peer sends; `grantedBytes` is what
   * the peer is known to allow before it answers.
   */
  open(request: OpenRequest, events: StreamEvents, grantedBytes = 0): Stream {
    assert(!this.#closed, "a closed channel opens no stream");
    const id = this.#nextId;
    this.#nextId += 2;
    const body = encodeJson(request);
    const stream = this.#add(id, grantedBytes, request.rxMax, { body, own: true });
    stream.listen(events);
    this.#port.send(id, FrameType.open, body);
    return stream;
  }

  /** How far this side is; what it says counts as told to the peer. */
  state(): ChannelState {
    return {
      opened: Math.max(0, this.#nextId - 2),
      seen: this.#highestPeerId,
      entries: this.streams.map((stream) => stream.entry()),
    };
  }

  /**
   * Puts the channel on a link. `peer` is what the other side said of itself there; nothing is
   * sent before it is known.
   */
  bind(link: ChannelLink, peer: ChannelState): void {
    assert(!this.#closed, "a closed channel binds to no link");
    this.unbind();
    this.#link = link;
    const opened = this.#nextId - 2;
    // A peer that saw higher ids than were given out here knows a future that is gone.
    if (peer.seen > opened) this.#nextId = peer.seen + (this.#isPeers(peer.seen) ? 1 : 2);
    for (const entry of peer.entries) this.#resume(entry, opened);
    const { streams } = this;
    // All OPENs come first: a stream may belong to another that says its last word at once.
    for (const stream of streams) stream.reopen();
    for (const stream of streams) stream.bound();
    this.#armProbe();
  }

  /** The link is gone. Streams keep what they have and wait. */
  unbind(): void {
    const link = this.#link;
    this.#link = null;
    this.#options.clock.clearTimeout(this.#probeTimer);
    this.#probeTimer = null;
    if (link !== null) for (const stream of this.#streams.values()) link.egress.forget(stream);
  }

  /** @throws ProtocolError: the link that carried the frame must end with 4400. */
  receive(frame: Frame): void {
    if (this.#link === null || frame.epoch !== (this.#link.epoch & 0xffff)) {
      this.strayFrames += 1;
      return;
    }
    if (frame.type === FrameType.open) {
      this.#receiveOpen(frame);
      return;
    }
    const stream = this.#streams.get(frame.stream);
    if (stream === undefined) {
      // Normal: the peer has not heard of the end yet. Told again only when it asks, and not of a
      // stream whose OPEN was lost: that comes again.
      const lost = this.#isPeers(frame.stream) && this.#isUnseen(frame.stream);
      if (frame.type === FrameType.probe && !lost) this.#tellEnd(frame.stream);
      if (frame.type === FrameType.reset && lost) this.#missed(frame);
      return;
    }
    stream.heard = true;
    switch (frame.type) {
      case FrameType.openOk:
        stream.receivedOpenOk(parseControl(OpenOk, frame.body));
        break;
      case FrameType.data:
        stream.receivedData(decodeData(frame.body, (frame.flags & FLAG_FIN) !== 0));
        break;
      case FrameType.credit:
        stream.receivedCredit(decodeCredit(frame.body));
        break;
      case FrameType.ctl: {
        const { seq, json } = decodeCtl(frame.body);
        stream.receivedCtl(seq, readCtl(json));
        break;
      }
      case FrameType.resync:
        stream.receivedResync(decodeResync(frame.body));
        break;
      case FrameType.probe:
        stream.receivedProbe(decodeProbe(frame.body));
        break;
      case FrameType.reset:
        stream.drop(parseControl(Reset, frame.body));
        break;
      default:
        throw new ProtocolError(`frame type ${frame.type} does not belong to a stream`);
    }
  }

  /** The channel is over for good: every stream ends, and no frame is sent. */
  close(reset: Reset): void {
    if (this.#closed) return;
    this.unbind();
    this.#closed = true;
    for (const stream of this.streams) stream.drop(reset);
  }

  #receiveOpen(frame: Frame): void {
    const id = frame.stream;
    if (id === 0 || id % 2 !== (this.#options.side === "client" ? 0 : 1)) {
      throw new ProtocolError(`stream id ${id} is not the peer's to open`);
    }
    if (id <= this.#highestPeerId && !this.#skipped.delete(id)) {
      const known = this.#streams.get(id);
      if (known === undefined) this.#tellEnd(id);
      else known.receivedOpenAgain();
      return;
    }
    this.#noteOpened(id);
    const request = readOpen(this.#options.requests, frame.body);
    const full = this.#streams.size >= limits.STREAMS_PER_CHANNEL_MAX;
    const open = { body: frame.body, own: false };
    const lack = this.#options.whyNoRoom?.() ?? null;
    const stream = this.#add(id, request.ok ? request.open.rxMax : 0, 0, open);
    if (!request.ok) stream.reset("REFUSED", request.message);
    else if (full) stream.reset("LIMIT", "this channel has too many streams");
    else if (lack !== null) stream.reset("LIMIT", lack);
    else this.#options.onOpen(request.open, stream);
  }

  /** A stream that ended before it was known here: its OPEN does not come any more. */
  #missed(frame: Frame): void {
    const reset = parseControl(Reset, frame.body);
    if (!this.#skipped.delete(frame.stream)) this.#noteOpened(frame.stream);
    this.#bury(frame.stream, reset);
    this.#options.onMissed?.(frame.stream, reset);
  }

  /** `opened` is the highest id that this side had given out by itself. */
  #resume(entry: ResumeEntry, opened: number): void {
    const { stream: id } = entry;
    const stream = this.#streams.get(id);
    if (stream !== undefined) stream.resume(entry);
    else if (this.#tombstones.has(id)) this.#tellEnd(id);
    else if (this.#isPeers(id) && !entry.answered && this.#isUnseen(id)) {
      // Its OPEN was lost on the way and comes again.
    } else {
      const wasHere = id <= (this.#isPeers(id) ? this.#highestPeerId : opened);
      if (wasHere) this.#tellReset(id, GONE);
      else this.#tellReset(id, { code: "ROLLED_BACK", message: "this side is in an older state" });
    }
  }

  #isUnseen(id: number): boolean {
    return id > this.#highestPeerId || this.#skipped.has(id);
  }

  #noteOpened(id: number): void {
    const lowest = this.#options.side === "client" ? 2 : 1;
    const first = this.#highestPeerId === 0 ? lowest : this.#highestPeerId + 2;
    // Only so many are waited for: a peer that jumps far has lost more than this.
    for (let skipped = first; skipped < id && this.#skipped.size < SKIPPED_MAX; skipped += 2) {
      this.#skipped.add(skipped);
    }
    this.#highestPeerId = Math.max(this.#highestPeerId, id);
  }

  #isPeers(id: number): boolean {
    return id % 2 === (this.#options.side === "client" ? 0 : 1);
  }

  #add(
    id: number,
    sendBytes: number,
    receiveBytes: number,
    { body, own }: { readonly body: Uint8Array; readonly own: boolean },
  ): Stream {
    const crc = this.#options.crc32 ?? crc32;
    const { clock } = this.#options;
    const crcOfOpen = this.#features.includes("open-crc");
    const options = { id, sendBytes, receiveBytes, open: body, own, crcOfOpen, crc32: crc, clock };
    const stream = new Stream(this.#port, options);
    this.#streams.set(id, stream);
    this.#armProbe();
    return stream;
  }

  /** Windows grow while all of them together stay within what a channel may hold. */
  #grow(bytes: number): boolean {
    let all = bytes;
    for (const stream of this.#streams.values()) all += stream.windowBytes;
    return all <= limits.CHANNEL_WINDOW_BYTES_MAX && (this.#options.whyNoRoom?.() ?? null) === null;
  }

  #buried(stream: Stream, end: StreamEnd): void {
    this.#streams.delete(stream.id);
    this.#link?.egress.forget(stream);
    const { rx, ack, max, ctlRx } = stream.entry();
    this.#bury(stream.id, end.kind === "reset" ? end.reset : { rx, ack, max, ctlRx });
  }

  #bury(id: number, tombstone: Tombstone): void {
    this.#tombstones.set(id, tombstone);
    const [oldest] = this.#tombstones.keys();
    const max = this.#options.tombstonesMax ?? limits.TOMBSTONES_MAX;
    if (oldest !== undefined && this.#tombstones.size > max) this.#tombstones.delete(oldest);
  }

  /** How a stream ended, for a peer that did not hear it. */
  #tellEnd(id: number): void {
    const tombstone = this.#tombstones.get(id) ?? GONE;
    if ("code" in tombstone) this.#tellReset(id, tombstone);
    else this.#port.send(id, FrameType.credit, encodeCredit(tombstone));
  }

  #tellReset(id: number, reset: Reset): void {
    this.#port.send(id, FrameType.reset, encodeJson(reset));
  }

  /** A link that loses frames without breaking is noticed by its silence. */
  #armProbe(): void {
    const idle = this.#link === null || this.#streams.size === 0;
    if (idle || this.#probeTimer !== null) return;
    this.#probeTimer = this.#options.clock.setTimeout(() => {
      this.#probeTimer = null;
      for (const stream of this.#streams.values()) stream.probe();
      this.#armProbe();
    }, limits.PROBE_AFTER_MS);
  }

  #header(stream: number, type: FrameType) {
    assert(this.#link !== null, "frames are made for a link");
    const { route, epoch } = this.#link;
    return { type, epoch, route, stream };
  }
}

type ReadOpen =
  | { readonly ok: true; readonly open: OpenRequest }
  | { readonly ok: false; readonly message: string };

/** A request that this version does not know is refused alone; the link and the rest live on. */
function readOpen(requests: Requests, body: Uint8Array): ReadOpen {
  try {
    return { ok: true, open: parseControl(requests, body) };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { ok: false, message: error.message };
  }
}
