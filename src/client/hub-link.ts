/**
 * One link of a client to a hub, from the open socket to its end: hello, pings, judging the hub by
 * silence. A new link always is a new object. What runs over it is the connection's.
 */
import type { Clock, TimerId } from "../base/clock.ts";
import { HubError } from "../base/hub-error.ts";
import { encodeJson } from "../protocol/bodies.ts";
import { CloseCodes, NO_CLOSE_FRAME } from "../protocol/close-codes.ts";
import {
  Attached,
  Detach,
  LinkError,
  parseControl,
  PeerState,
  Welcome,
} from "../protocol/control.ts";
import {
  decodeFrame,
  encodeFrame,
  FrameType,
  isStreamFrame,
  type Frame,
} from "../protocol/frame.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import { decodeVector, splitAttach, type ResumeEntry } from "../protocol/resume.ts";
import { FEATURES, PROTOCOL_VERSION } from "../protocol/version.ts";
import { Egress } from "../stream/egress.ts";
import { createHeartbeat, type Heartbeat } from "../stream/heartbeat.ts";
import { HopReceipts } from "../stream/hop-receipts.ts";
import type { LinkEnd } from "../stream/redial.ts";
import type { FrameSocket, SocketEnd } from "../transport/frame-socket.ts";
import { closeFault, linkFault } from "./wire-faults.ts";

const HELLO_TIMEOUT_MS = 5_000;
const IMPLEMENTATION = "holdfast-client/1";

/** How a link ended: for the redial, and for people. */
export interface LostLink {
  readonly end: LinkEnd;
  readonly error: HubError;
}

export interface HubLinkEvents {
  readonly onWelcome: (welcome: Welcome) => void;
  readonly onAttached: (route: number, attached: Attached, entries: readonly ResumeEntry[]) => void;
  /** The attach of a channel was refused. */
  readonly onRefused: (channelId: string, error: HubError, code: string) => void;
  /** Nothing more comes on this route. */
  readonly onRouteEnd: (route: number, error: HubError) => void;
  readonly onStreamFrame: (frame: Frame) => void;
  /** Called once, also when this side gave it up. */
  readonly onEnd: (lost: LostLink) => void;
}

export class HubLink {
  readonly egress: Egress;
  readonly #socket: FrameSocket;
  readonly #clock: Clock;
  readonly #events: HubLinkEvents;
  readonly #helloTimer: TimerId;
  #heartbeat: Heartbeat | null = null;
  /** Null until the hub has said that it knows them, too. */
  #receipts: HopReceipts | null = null;
  #lastError: LinkError | null = null;
  #ended = false;

  constructor(socket: FrameSocket, clock: Clock, events: HubLinkEvents) {
    this.#socket = socket;
    this.#clock = clock;
    this.#events = events;
    this.egress = new Egress(socket, clock);
    this.#helloTimer = clock.setTimeout(() => {
      this.#fail(new HubError("HubUnreachable", "the hub did not answer the hello"));
    }, HELLO_TIMEOUT_MS);
  }

  /** Says hello; no event comes before this call. */
  start(): void {
    const socket = this.#socket;
    const hello = {
      v: PROTOCOL_VERSION,
      role: "client",
      impl: IMPLEMENTATION,
      features: FEATURES,
    };
    this.control(FrameType.hello, 0, 0, encodeJson(hello));
    socket.onDrain(() => this.egress.pump());
    socket.onClose((end) => this.#socketEnded(end));
    socket.onFrame((message) => this.#receive(message));
  }

  control(type: FrameType, route: number, epoch: number, body: Uint8Array): void {
    this.egress.control(encodeFrame({ type, route, epoch, body }));
  }

  /** Leaves a route for good: what runs in its channel is hung up. */
  detach(route: number, epoch: number): void {
    this.control(FrameType.detach, route, epoch, encodeJson({ reason: "client leaves" }));
  }

  /** Asks whether the hub is still there: a silent one is found out the sooner. */
  ping(): void {
    this.#heartbeat?.ping();
  }

  /** A polite end, wanted by this side. */
  close(): void {
    if (this.#leave()) this.#socket.close(CloseCodes.normal.code, "client closes");
  }

  /** Ends it hard; nothing more is told. */
  abandon(): void {
    if (this.#leave()) this.#socket.terminate();
  }

  #leave(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#clock.clearTimeout(this.#helloTimer);
    this.#heartbeat?.stop();
    this.#receipts?.stop();
    return true;
  }

  #fail(error: HubError, silent = false): void {
    if (!this.#leave()) return;
    this.#socket.terminate();
    const end = { code: NO_CLOSE_FRAME, reason: error.message, silent };
    this.#events.onEnd({ end, error });
  }

  #socketEnded({ code, reason }: SocketEnd): void {
    if (!this.#leave()) return;
    const said = this.#lastError;
    const error = said === null ? closeFault(code, reason) : linkFault(said);
    const retryAfterMs = said?.retryAfterMs;
    const end = {
      code,
      reason: error.message,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    };
    this.#events.onEnd({ end, error });
  }

  #receive(message: Uint8Array): void {
    if (this.#ended) return;
    try {
      const frame = decodeFrame(message);
      if (frame === null) return;
      this.#heartbeat?.received();
      this.#receipts?.received(message);
      if (isStreamFrame(frame.type)) this.#events.onStreamFrame(frame);
      else this.#receiveControl(frame);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (!this.#leave()) return;
      const { code } = CloseCodes.badFrame;
      this.#socket.close(code, error.message);
      const end = { code, reason: error.message };
      this.#events.onEnd({ end, error: new HubError("ProtocolBroken", error.message) });
    }
  }

  #receiveControl(frame: Frame): void {
    const { route, body } = frame;
    switch (frame.type) {
      case FrameType.welcome:
        this.#receiveWelcome(parseControl(Welcome, body));
        break;
      case FrameType.ping:
        this.control(FrameType.pong, 0, 0, body);
        break;
      case FrameType.pong:
        this.#heartbeat?.ponged(body);
        break;
      case FrameType.linkAck:
        this.#receipts?.acked(body);
        break;
      case FrameType.attached: {
        const { json, vector } = splitAttach(body);
        this.#events.onAttached(route, parseControl(Attached, json), decodeVector(vector));
        break;
      }
      case FrameType.error:
        this.#receiveError(route, parseControl(LinkError, body));
        break;
      case FrameType.peerState: {
        const { driver, state } = parseControl(PeerState, body);
        if (driver === "up") break;
        const sentence = `the session's driver is gone (${state})`;
        this.#events.onRouteEnd(route, new HubError("DriverAbsent", sentence));
        break;
      }
      case FrameType.detach: {
        const { reason } = parseControl(Detach, body);
        this.#events.onRouteEnd(route, new HubError("LinkLost", reason));
        break;
      }
      case FrameType.goAway:
        // The hub closes the socket itself; its close code then says what to do.
        break;
      default:
        throw new ProtocolError(`frame type ${frame.type} is not the hub's to send`);
    }
  }

  #receiveWelcome(welcome: Welcome): void {
    if (this.#heartbeat !== null) throw new ProtocolError("a second welcome");
    this.#clock.clearTimeout(this.#helloTimer);
    this.#heartbeat = createHeartbeat({
      clock: this.#clock,
      pingMs: welcome.pingMs,
      suspectMs: Math.max(1, welcome.deadMs - 1),
      deadMs: welcome.deadMs,
      send: (body) => this.control(FrameType.ping, 0, 0, body),
      onDead: (silentMs) => {
        const seconds = (silentMs / 1000).toFixed(1);
        this.#fail(new HubError("LinkLost", `the hub was silent for ${seconds} s`), true);
      },
      onJump: () => {
        // The other end has given up this socket, or soon will; a new one costs nothing.
        this.#fail(new HubError("LinkLost", "this machine slept"), true);
      },
    });
    const { features } = welcome;
    if (features.includes("hop")) {
      const tell = (ack: Uint8Array): void => this.control(FrameType.linkAck, 0, 0, ack);
      this.#receipts = new HopReceipts(this.#clock, this.egress, features, tell);
    }
    this.#events.onWelcome(welcome);
  }

  #receiveError(route: number, error: LinkError): void {
    if (error.channelId !== undefined) {
      this.#events.onRefused(error.channelId, linkFault(error), error.code);
    } else if (route !== 0) this.#events.onRouteEnd(route, linkFault(error));
    else this.#lastError = error;
  }
}
