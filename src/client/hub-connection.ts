/**
 * One connection of a client to a hub: hello, attaching to sessions, watching the hub. Runs in
 * Node, Bun, Deno and browsers; how the socket opens is the caller's (`node.ts`, `browser.ts`).
 */
import { systemClock, type Clock } from "../base/clock.ts";
import { HubError } from "../base/hub-error.ts";
import { newId } from "../base/ids.ts";
import { systemRandom, type Random } from "../base/random.ts";
import { encodeJson } from "../protocol/bodies.ts";
import { CloseCodes } from "../protocol/close-codes.ts";
import {
  Attached,
  Detach,
  LinkError,
  parseControl,
  PeerState,
  Welcome,
} from "../protocol/control.ts";
import { decodeFrame, encodeFrame, FrameType, type Frame } from "../protocol/frame.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import { PROTOCOL_VERSION } from "../protocol/version.ts";
import { Egress } from "../stream/egress.ts";
import { createHeartbeat, type Heartbeat } from "../stream/heartbeat.ts";
import type { FrameSocket, SocketEnd } from "../transport/frame-socket.ts";
import { createOutcome, type Outcome } from "./outcome.ts";
import { AttachedChannel, type SessionChannel } from "./session-channel.ts";
import { closeFault, linkFault } from "./wire-faults.ts";

/** The hub answers an ATTACH from memory; the driver's part is one round trip. */
const ATTACH_TIMEOUT_MS = 10_000;
const HELLO_TIMEOUT_MS = 5_000;
const IMPLEMENTATION = "holdfast-client/1";

export interface HubConnection {
  readonly hubId: string;
  /** `session` is an id or a name. @throws HubError */
  attach(session: string): Promise<SessionChannel>;
  close(): void;
  /** Resolves, never rejects, with the reason: `null` when `close` was called. */
  readonly closed: Promise<HubError | null>;
}

export interface ConnectOptions {
  /** Opens the socket. @throws HubError */
  readonly open: () => Promise<FrameSocket>;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Resolves when the hub has answered the hello. @throws HubError */
export async function connectHub(options: ConnectOptions): Promise<HubConnection> {
  const socket = await options.open();
  const link = new ClientLink(socket, options.clock ?? systemClock, options.random ?? systemRandom);
  await link.welcomed;
  return link;
}

class ClientLink implements HubConnection {
  readonly #socket: FrameSocket;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #egress: Egress;
  readonly #welcomed = createOutcome<void>();
  readonly #closed = createOutcome<HubError | null>();
  readonly #attaching = new Map<string, Outcome<SessionChannel>>();
  readonly #channels = new Map<number, AttachedChannel>();
  #welcome: Welcome | null = null;
  #heartbeat: Heartbeat | null = null;
  #lastError: LinkError | null = null;
  #ended = false;

  constructor(socket: FrameSocket, clock: Clock, random: Random) {
    this.#socket = socket;
    this.#clock = clock;
    this.#random = random;
    this.#egress = new Egress(socket);
    const late = clock.setTimeout(() => {
      this.#fail(new HubError("HubUnreachable", "the hub did not answer the hello"));
    }, HELLO_TIMEOUT_MS);
    const answered = (): void => clock.clearTimeout(late);
    this.#welcomed.promise.then(answered, answered);
    socket.onDrain(() => this.#egress.pump());
    socket.onClose((end) => this.#socketEnded(end));
    socket.onFrame((message) => this.#receive(message));
    const hello = { v: PROTOCOL_VERSION, role: "client", impl: IMPLEMENTATION, features: [] };
    this.#control(FrameType.hello, 0, 0, encodeJson(hello));
  }

  get welcomed(): Promise<void> {
    return this.#welcomed.promise;
  }

  get closed(): Promise<HubError | null> {
    return this.#closed.promise;
  }

  get hubId(): string {
    return this.#welcome?.hubId ?? "";
  }

  attach(session: string): Promise<SessionChannel> {
    if (this.#ended) {
      return Promise.reject(new HubError("LinkLost", "the connection has ended"));
    }
    const channelId = newId("chn", this.#random);
    const attaching = createOutcome<SessionChannel>();
    this.#attaching.set(channelId, attaching);
    const late = this.#clock.setTimeout(() => {
      attaching.reject(new HubError("DriverDeaf", `no answer to the attach of ${session}`));
    }, ATTACH_TIMEOUT_MS);
    const settled = (): void => {
      this.#clock.clearTimeout(late);
      this.#attaching.delete(channelId);
    };
    attaching.promise.then(settled, settled);
    this.#control(FrameType.attach, 0, 0, encodeJson({ mode: "new", session, channelId }));
    return attaching.promise;
  }

  close(): void {
    if (this.#ended) return;
    this.#end(null);
    this.#socket.close(CloseCodes.normal.code, "client closes");
  }

  #fail(error: HubError): void {
    this.#end(error);
    this.#socket.terminate();
  }

  #socketEnded(end: SocketEnd): void {
    const said = this.#lastError;
    this.#end(said === null ? closeFault(end.code, end.reason) : linkFault(said));
  }

  #end(error: HubError | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#heartbeat?.stop();
    const reason = error ?? new HubError("LinkLost", "the connection was closed");
    this.#welcomed.reject(reason);
    for (const attaching of this.#attaching.values()) attaching.reject(reason);
    for (const channel of this.#channels.values()) channel.end(error);
    this.#channels.clear();
    this.#closed.resolve(error);
  }

  #receive(message: Uint8Array): void {
    if (this.#ended) return;
    try {
      const frame = decodeFrame(message);
      if (frame === null) return;
      this.#heartbeat?.received();
      this.#receiveFrame(frame);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#end(new HubError("ProtocolBroken", error.message));
      this.#socket.close(CloseCodes.badFrame.code, error.message);
    }
  }

  #receiveFrame(frame: Frame): void {
    switch (frame.type) {
      case FrameType.welcome:
        this.#receiveWelcome(parseControl(Welcome, frame.body));
        break;
      case FrameType.ping:
        this.#control(FrameType.pong, 0, 0, frame.body);
        break;
      case FrameType.pong:
        this.#heartbeat?.ponged(frame.body);
        break;
      case FrameType.attached:
        this.#receiveAttached(frame.route, parseControl(Attached, frame.body));
        break;
      case FrameType.error:
        this.#receiveError(frame.route, parseControl(LinkError, frame.body));
        break;
      case FrameType.peerState:
        this.#receivePeerState(frame.route, parseControl(PeerState, frame.body));
        break;
      case FrameType.detach: {
        const { reason } = parseControl(Detach, frame.body);
        this.#endRoute(frame.route, new HubError("LinkLost", reason));
        break;
      }
      case FrameType.goAway:
        // The hub closes the socket itself; its close code then says what to do.
        break;
      case FrameType.open:
      case FrameType.openOk:
      case FrameType.data:
      case FrameType.credit:
      case FrameType.ctl:
      case FrameType.reset:
        // A route that is gone may still get frames that were on their way.
        this.#channels.get(frame.route)?.receive(frame);
        break;
      default:
        throw new ProtocolError(`frame type ${frame.type} is not the hub's to send`);
    }
  }

  #receiveWelcome(welcome: Welcome): void {
    if (this.#welcome !== null) throw new ProtocolError("a second welcome");
    this.#welcome = welcome;
    this.#heartbeat = createHeartbeat({
      clock: this.#clock,
      pingMs: welcome.pingMs,
      suspectMs: Math.max(1, welcome.deadMs - 1),
      deadMs: welcome.deadMs,
      send: (body) => this.#control(FrameType.ping, 0, 0, body),
      onDead: (silentMs) => {
        const seconds = (silentMs / 1000).toFixed(1);
        this.#fail(new HubError("LinkLost", `the hub was silent for ${seconds} s`));
      },
    });
    this.#welcomed.resolve();
  }

  #receiveAttached(route: number, attached: Attached): void {
    const attaching = this.#attaching.get(attached.channelId);
    const leave = (): void => this.#detach(route, attached.epoch);
    if (attaching === undefined) {
      // The wait for it had ended; nobody will use this route.
      leave();
      return;
    }
    const { session, epoch } = attached;
    const channel = new AttachedChannel({ session, epoch, route }, this.#egress, () => {
      this.#channels.delete(route);
      leave();
    });
    this.#channels.set(route, channel);
    attaching.resolve(channel);
  }

  #receiveError(route: number, error: LinkError): void {
    const { channelId } = error;
    const attaching = channelId === undefined ? undefined : this.#attaching.get(channelId);
    if (attaching !== undefined) attaching.reject(linkFault(error));
    else if (route !== 0) this.#endRoute(route, linkFault(error));
    else this.#lastError = error;
  }

  #receivePeerState(route: number, peer: PeerState): void {
    if (peer.driver === "up") return;
    const sentence = `the session's driver is gone (${peer.state})`;
    this.#endRoute(route, new HubError("DriverAbsent", sentence));
  }

  #endRoute(route: number, error: HubError): void {
    const channel = this.#channels.get(route);
    this.#channels.delete(route);
    channel?.end(error);
  }

  #detach(route: number, epoch: number): void {
    const body = encodeJson({ reason: "client leaves" });
    this.#control(FrameType.detach, route, epoch, body);
  }

  #control(type: FrameType, route: number, epoch: number, body: Uint8Array): void {
    this.#egress.control(encodeFrame({ type, route, epoch, body }));
  }
}
