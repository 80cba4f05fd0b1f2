/**
 * All streams between one client attachment and the driver: gives out ids, reads stream frames,
 * refuses what breaks the rules. Lives as long as its route. Pure: frames in, frames out.
 */
import { assert } from "../base/assert.ts";
import { limits } from "../base/limits.ts";
import { decodeCredit, decodeData, encodeJson } from "../protocol/bodies.ts";
import { parseControl } from "../protocol/control.ts";
import { encodeFrame, FLAG_FIN, FrameType, type Frame } from "../protocol/frame.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import { Ctl, OpenOk, OpenRequest, Reset } from "../protocol/services.ts";
import type { Egress } from "./egress.ts";
import { Stream, type StreamEvents, type StreamPort } from "./stream.ts";

export interface ChannelOptions {
  /** Clients open odd stream ids, drivers even ones. */
  readonly side: "client" | "driver";
  readonly route: number;
  /** Session epoch; its low 16 bits are on every frame. */
  readonly epoch: number;
  readonly egress: Egress;
  /** The peer opened a stream: accept or reset it. */
  readonly onOpen: (request: OpenRequest, stream: Stream) => void;
}

export class Channel {
  readonly route: number;
  /** Frames that carried another epoch: late ones, from before a fence. */
  strayFrames = 0;
  readonly #options: ChannelOptions;
  readonly #streams = new Map<number, Stream>();
  readonly #port: StreamPort;
  #nextId: number;
  #highestPeerId = 0;
  #closed = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.route = options.route;
    this.#nextId = options.side === "client" ? 1 : 2;
    const { egress, route, epoch } = options;
    this.#port = {
      frame: (stream, type, flags, body) =>
        encodeFrame({ type, flags, epoch, route, stream, body }),
      control: (message) => {
        if (!this.#closed) egress.control(message);
      },
      ready: (source) => egress.ready(source),
      closed: (stream) => {
        this.#streams.delete(stream.id);
        egress.forget(stream);
      },
    };
  }

  get size(): number {
    return this.#streams.size;
  }

  /**
   * Opens a stream. `request.rxMax` is the window for what the peer sends; `grantedBytes` is what
   * the peer is known to allow before it answers.
   */
  open(request: OpenRequest, events: StreamEvents, grantedBytes = 0): Stream {
    assert(!this.#closed, "a closed channel opens no stream");
    const id = this.#nextId;
    this.#nextId += 2;
    const grants = { sendBytes: grantedBytes, receiveBytes: request.rxMax };
    const stream = new Stream(this.#port, id, grants, false);
    this.#streams.set(id, stream);
    stream.listen(events);
    this.#port.control(this.#port.frame(id, FrameType.open, 0, encodeJson(request)));
    return stream;
  }

  /** @throws ProtocolError: the link that carried the frame must end with 4400. */
  receive(frame: Frame): void {
    if (frame.epoch !== (this.#options.epoch & 0xffff)) {
      this.strayFrames += 1;
      return;
    }
    if (frame.type === FrameType.open) {
      this.#receiveOpen(frame);
      return;
    }
    // Frames for a stream that has ended are normal: the peer had not heard of the end yet.
    const stream = this.#streams.get(frame.stream);
    if (stream === undefined) return;
    const fin = (frame.flags & FLAG_FIN) !== 0;
    switch (frame.type) {
      case FrameType.openOk:
        stream.receivedOpenOk(parseControl(OpenOk, frame.body));
        break;
      case FrameType.data:
        stream.receivedData(decodeData(frame.body), fin);
        break;
      case FrameType.credit:
        stream.receivedCredit(decodeCredit(frame.body), fin);
        break;
      case FrameType.ctl:
        stream.receivedCtl(parseControl(Ctl, frame.body));
        break;
      case FrameType.reset:
        stream.receivedReset(parseControl(Reset, frame.body));
        break;
      default:
        throw new ProtocolError(`frame type ${frame.type} does not belong to a stream`);
    }
  }

  /** The route is gone: every stream ends, and no frame is sent. */
  close(reset: Reset): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of [...this.#streams.values()]) stream.drop(reset);
  }

  #receiveOpen(frame: Frame): void {
    const id = frame.stream;
    const peerParity = this.#options.side === "client" ? 0 : 1;
    if (id === 0 || id % 2 !== peerParity || id <= this.#highestPeerId) {
      throw new ProtocolError(`stream id ${id} is not the peer's to open`);
    }
    this.#highestPeerId = id;
    const request = readOpen(frame.body);
    const sendBytes = request.ok ? request.open.rxMax : 0;
    const stream = new Stream(this.#port, id, { sendBytes, receiveBytes: 0 }, true);
    if (!request.ok) stream.reset("REFUSED", request.message);
    else if (this.#closed || this.#streams.size >= limits.STREAMS_PER_CHANNEL_MAX) {
      stream.reset("LIMIT", "this channel has too many streams");
    } else {
      this.#streams.set(id, stream);
      this.#options.onOpen(request.open, stream);
    }
  }
}

type ReadOpen =
  | { readonly ok: true; readonly open: OpenRequest }
  | { readonly ok: false; readonly message: string };

/** A request that this version does not know is refused alone; the link and the rest live on. */
function readOpen(body: Uint8Array): ReadOpen {
  try {
    return { ok: true, open: parseControl(OpenRequest, body) };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { ok: false, message: error.message };
  }
}
