/**
 * One link to the hub, from the open socket to its end: hello, epoch, answering pings, judging the
 * hub by silence, and the routes on which clients attach their channels. A new link always is a
 * new object; the channels are not its own and outlive it.
 */
import type { Clock } from "../base/clock.ts";
import { limits } from "../base/limits.ts";
import type { Logger } from "../base/log.ts";
import { encodeJson } from "../protocol/bodies.ts";
import { CloseCodes, NO_CLOSE_FRAME } from "../protocol/close-codes.ts";
import {
  Attach,
  Detach,
  LinkError,
  parseControl,
  Welcome,
  type DriverHello,
} from "../protocol/control.ts";
import {
  decodeFrame,
  encodeFrame,
  FrameType,
  isStreamFrame,
  type Frame,
} from "../protocol/frame.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import { REST_MS, type CheckpointReady } from "../protocol/rest.ts";
import { decodeVector, encodeVector, joinAttach, splitAttach } from "../protocol/resume.ts";
import type { Channel } from "../stream/channel.ts";
import { Egress } from "../stream/egress.ts";
import { createHeartbeat, type Heartbeat } from "../stream/heartbeat.ts";
import { HopReceipts } from "../stream/hop-receipts.ts";
import type { LinkEnd } from "../stream/redial.ts";
import type { FrameSocket } from "../transport/frame-socket.ts";
import type { ChannelTable } from "./channel-table.ts";
import type { Jobs } from "./jobs.ts";
import { Quiesce } from "./quiesce.ts";

export type DriverWelcome = Welcome & { readonly epoch: number; readonly challenge: string };

export interface HubLinkOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly hello: DriverHello;
  readonly channels: ChannelTable;
  /** What runs for people is told for as long as the link lives. */
  readonly jobs: Pick<Jobs, "listen">;
  readonly onWelcome: (welcome: DriverWelcome) => void;
  readonly onEnd: (end: LinkEnd) => void;
}

export function openHubLink(socket: FrameSocket, options: HubLinkOptions): { abandon(): void } {
  return new HubLink(socket, options);
}

class HubLink {
  readonly #socket: FrameSocket;
  readonly #options: HubLinkOptions;
  readonly #egress: Egress;
  readonly #routes = new Map<number, Channel>();
  #heartbeat: Heartbeat | null = null;
  /** Null until the hub has said that it knows them, too. */
  #receipts: HopReceipts | null = null;
  #welcome: DriverWelcome | null = null;
  readonly #quiesce: Quiesce;
  #ended = false;
  #stopTelling: () => void = () => undefined;
  /** What the hub said before it closed; more exact than the close reason. */
  #lastError: LinkError | null = null;

  constructor(socket: FrameSocket, options: HubLinkOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#egress = new Egress(socket, options.clock);
    const { clock, channels } = options;
    this.#quiesce = new Quiesce({ clock, channels, ready: (told) => this.#rest(told) });
    socket.onDrain(() => this.#egress.pump());
    socket.onClose((end) => {
      const reason = this.#lastError?.message ?? end.reason;
      const { retryAfterMs } = this.#lastError ?? {};
      this.#end({ code: end.code, reason, ...(retryAfterMs !== undefined && { retryAfterMs }) });
    });
    socket.onFrame((message) => this.#receive(message));
    this.#control(FrameType.hello, 0, 0, encodeJson(options.hello));
  }

  abandon(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#release();
    this.#socket.terminate();
  }

  #end(end: LinkEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#release();
    this.#options.onEnd(end);
  }

  #release(): void {
    this.#heartbeat?.stop();
    this.#receipts?.stop();
    this.#quiesce.stop();
    this.#stopTelling();
    this.#routes.clear();
    this.#options.channels.releaseAll();
  }

  #receive(message: Uint8Array): void {
    if (this.#ended) return;
    try {
      const frame = decodeFrame(message);
      if (frame === null) return;
      this.#receipts?.received(message);
      if (this.#welcome === null) this.#receiveFirst(frame);
      else this.#receiveLive(frame, this.#welcome);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#options.log.warn({ error: error.message }, "hub broke the protocol");
      this.#end({ code: CloseCodes.badFrame.code, reason: error.message });
      this.#socket.close(CloseCodes.badFrame.code, error.message);
    }
  }

  #receiveFirst(frame: Frame): void {
    if (frame.type === FrameType.error) {
      this.#lastError = parseControl(LinkError, frame.body);
      return;
    }
    // A hub may ping while it still works on the answer to the hello.
    if (frame.type === FrameType.ping) {
      this.#control(FrameType.pong, 0, 0, frame.body);
      return;
    }
    if (frame.type !== FrameType.welcome) throw new ProtocolError("no welcome first");
    const { epoch, challenge, ...rest } = parseControl(Welcome, frame.body);
    if (epoch === undefined || challenge === undefined) {
      throw new ProtocolError("welcome without epoch or challenge");
    }
    const { lastEpoch } = this.#options.hello;
    if (lastEpoch !== null && epoch <= lastEpoch) {
      throw new ProtocolError(`epoch ${epoch} is not above ${lastEpoch}, which was confirmed`);
    }
    this.#welcome = { ...rest, epoch, challenge };
    this.#options.onWelcome(this.#welcome);
    this.#control(FrameType.epochConfirm, 0, 0, encodeJson({ epoch, challenge }));
    this.#watchHub(this.#welcome);
    const { features } = this.#welcome;
    if (features.includes("hop")) {
      const { clock } = this.#options;
      const tell = (body: Uint8Array): void => this.#control(FrameType.linkAck, 0, 0, body);
      this.#receipts = new HopReceipts(clock, this.#egress, features, tell);
    }
    this.#stopTelling = this.#options.jobs.listen((told) => {
      this.#control(FrameType.jobs, 0, 0, encodeJson(told));
    });
  }

  #watchHub(welcome: DriverWelcome): void {
    this.#heartbeat = createHeartbeat({
      clock: this.#options.clock,
      pingMs: welcome.pingMs,
      isAsked: true,
      suspectMs: Math.max(1, Math.min(limits.DRIVER_SUSPECT_MS, welcome.deadMs - 1)),
      deadMs: welcome.deadMs,
      send: (body) => this.#control(FrameType.ping, 0, 0, body),
      onDead: (silentMs) => {
        const reason = `hub was silent for ${Math.round(silentMs)} ms`;
        this.#end({ code: NO_CLOSE_FRAME, reason, why: "silence" });
        this.#socket.terminate();
      },
    });
  }

  #receiveLive(frame: Frame, welcome: DriverWelcome): void {
    this.#heartbeat?.received();
    if (this.#quiesce.leaves(frame.type)) return;
    switch (frame.type) {
      case FrameType.ping:
        this.#control(FrameType.pong, 0, 0, this.#heartbeat?.answer(frame.body) ?? frame.body);
        break;
      case FrameType.pong:
        this.#heartbeat?.ponged(frame.body);
        break;
      case FrameType.linkAck:
        this.#receipts?.acked(frame.body);
        break;
      case FrameType.attach:
        this.#attach(frame, welcome);
        break;
      case FrameType.detach:
        this.#detach(frame.route, parseControl(Detach, frame.body));
        break;
      case FrameType.error:
        this.#lastError = parseControl(LinkError, frame.body);
        break;
      case FrameType.goAway:
        this.#options.log.info({}, "hub goes away");
        break;
      case FrameType.prepareCheckpoint:
        // One that was on its way to an earlier incarnation asks nobody.
        if (frame.epoch === (welcome.epoch & 0xffff)) this.#quiesce.prepare(frame.body);
        break;
      default:
        if (!isStreamFrame(frame.type)) {
          throw new ProtocolError(`frame type ${frame.type} is not the hub's to send`);
        }
        // A route that is gone may still get frames that were on their way.
        this.#routes.get(frame.route)?.receive(frame);
    }
    this.#quiesce.look();
  }

  /** The last word of this link: whoever comes next is dialled by a driver that goes on. */
  #rest(told: CheckpointReady): void {
    const { streams, bytes, digest } = told;
    this.#options.log.info({ id: told.id, digest, streams, bytes }, "at rest for a checkpoint");
    this.#control(FrameType.checkpointReady, 0, this.#welcome?.epoch ?? 0, encodeJson(told));
    const { code, name: reason } = CloseCodes.checkpoint;
    this.#end({ code, reason, why: reason, retryAfterMs: REST_MS });
    this.#socket.close(code, reason);
  }

  #attach(frame: Frame, { epoch }: DriverWelcome): void {
    const { route } = frame;
    const { json, vector } = splitAttach(frame.body);
    const attach = parseControl(Attach, json);
    const { opened, seen, channelId, session, attachSeq } = attach;
    const peer = { opened, seen, entries: decodeVector(vector) };
    if (route === 0 || this.#routes.has(route)) {
      throw new ProtocolError(`route ${route} is not free`);
    }
    const taken = this.#options.channels.take(attach);
    if (!taken.ok) {
      const { code, message } = taken;
      this.#control(FrameType.error, route, epoch, encodeJson({ code, message, channelId }));
      return;
    }
    const { channel } = taken;
    this.#supersede(channel, epoch);
    this.#routes.set(route, channel);
    const { entries, ...mine } = channel.state();
    const { features } = channel;
    const head = encodeJson({ channelId, session, epoch, attachSeq, features, ...mine });
    const body = joinAttach(head, encodeVector(entries));
    this.#control(FrameType.attached, route, epoch, body);
    // Only now: what the channel has to say is said after ATTACHED.
    channel.bind({ route, epoch, egress: this.#egress }, peer);
  }

  /** The channel moves to a new route: frames of the old one are of the past from here on. */
  #supersede(channel: Channel, epoch: number): void {
    const old = channel.link?.route;
    if (old === undefined || this.#routes.get(old) !== channel) return;
    this.#routes.delete(old);
    channel.unbind();
    const body = encodeJson({ reason: "attached anew" });
    this.#control(FrameType.detach, old, epoch, body);
  }

  #detach(route: number, { keep, reason }: Detach): void {
    const channel = this.#routes.get(route);
    if (channel === undefined) return;
    this.#routes.delete(route);
    this.#options.channels.release(channel, keep, reason);
  }

  #control(type: FrameType, route: number, epoch: number, body: Uint8Array): void {
    this.#egress.control(encodeFrame({ type, route, epoch, body }));
  }
}
