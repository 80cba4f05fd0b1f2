/**
 * A hub in a world of streams: the real links of the switchboard, and of the session only what
 * streams depend on: epochs in two phases from a store that outlives the hub, and one driver at a
 * time. The rest of a hub is in the other worlds.
 */
import { HubError } from "../../base/hub-error.ts";
import { limits } from "../../base/limits.ts";
import { silentLogger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { SessionActivity } from "../../hub/activity/session-activity.ts";
import { EVERYBODY } from "../../hub/auth/guest.ts";
import type { Quiesced } from "../../hub/session/quiesced.ts";
import { ClientLink } from "../../hub/switchboard/client-link.ts";
import { DriverLink, type RouteTarget } from "../../hub/switchboard/driver-link.ts";
import { onHello, refuse } from "../../hub/switchboard/hello.ts";
import { WaitingBytes } from "../../hub/switchboard/waiting-bytes.ts";
import { encodeJson } from "../../protocol/bodies.ts";
import { CloseCodes } from "../../protocol/close-codes.ts";
import { EpochConfirm, parseControl, type AttachRequest } from "../../protocol/control.ts";
import { decodeFrame, encodeFrame, FrameType } from "../../protocol/frame.ts";
import { commonFeatures } from "../../protocol/version.ts";
import type { FrameSocket } from "../../transport/frame-socket.ts";
import type { SimProcess } from "./kernel.ts";

/** What a store keeps of a session, for this world. */
export interface EpochRow {
  issued: number;
  confirmed: number;
}

/** What becomes of a stream frame inside a relay that has read it from its link. */
export type RelayFault = (message: Uint8Array) => "lost" | "doubled" | null;

const SESSION = "ses_sim";
/** A proof takes this long: until then no client is let through. */
const PROOF_MS = 40;

export class StreamRelay {
  readonly process: SimProcess;
  readonly activity: SessionActivity;
  readonly #row: EpochRow;
  readonly #random: Random;
  readonly #fault: RelayFault;
  readonly #waiting = new WaitingBytes();
  readonly #clients = new Set<ClientLink>();
  #driver: DriverLink | null = null;
  #proven = false;

  constructor(options: { process: SimProcess; row: EpochRow; random: Random; fault: RelayFault }) {
    this.process = options.process;
    this.activity = new SessionActivity(options.process.clock);
    this.#row = options.row;
    this.#random = options.random;
    this.#fault = options.fault;
  }

  acceptClient(socket: FrameSocket): void {
    const { clock } = this.process;
    onHello(socket, clock, (hello) => {
      if (hello.role !== "client") {
        refuse(socket, CloseCodes.forbidden, "for clients");
        return;
      }
      const features = commonFeatures(hello.features);
      this.#welcome(socket, features, limits.CLIENT_PING_MS, limits.CLIENT_DEAD_MS, {});
      const link = new ClientLink({
        socket,
        features,
        waiting: this.#waiting,
        guest: EVERYBODY,
        clock,
        random: this.#random,
        log: silentLogger,
        find: () => {
          const driver = this.#driver;
          if (driver === null || !this.#proven) {
            throw new HubError("SessionNotConnected", "the session is nudging");
          }
          const { activity } = this;
          return { sessionId: SESSION, driver, activity, state: () => "nudging" };
        },
        onClose: (closed) => this.#clients.delete(closed),
      });
      this.#clients.add(link);
    });
  }

  /** What a pause asks for before it calls the platform. */
  async quiesce(
    waitMs: number,
  ): Promise<{ readonly epoch: number; readonly how: Quiesced } | null> {
    const link = this.#driver;
    return link === null ? null : { epoch: link.epoch, how: await link.quiesce(waitMs) };
  }

  acceptDriver(socket: FrameSocket): void {
    const { clock } = this.process;
    onHello(socket, clock, (hello) => {
      if (hello.role !== "driver") return;
      const row = this.#row;
      const epoch = Math.max(row.issued, hello.lastEpoch ?? 0) + 1;
      row.issued = epoch;
      const features = commonFeatures(hello.features);
      const challenge = `c${epoch}`;
      socket.onFrame((message) => {
        const frame = decodeFrame(message);
        if (frame?.type !== FrameType.epochConfirm) return;
        const confirm = parseControl(EpochConfirm, frame.body);
        if (confirm.epoch !== epoch || epoch <= row.confirmed) {
          refuse(socket, CloseCodes.fenced, "a newer driver holds the session");
          return;
        }
        row.confirmed = epoch;
        this.#attach(socket, features, epoch);
      });
      const { DRIVER_PING_MS, DRIVER_DEAD_MS } = limits;
      this.#welcome(socket, features, DRIVER_PING_MS, DRIVER_DEAD_MS, { epoch, challenge });
    });
  }

  #attach(socket: FrameSocket, features: readonly string[], epoch: number): void {
    const { clock } = this.process;
    const before = this.#driver;
    const link = new FaultyDriverLink(this.#fault, {
      socket,
      features,
      waiting: this.#waiting,
      epoch,
      session: SESSION,
      clock,
      random: this.#random,
      log: silentLogger,
      onSuspect: () => undefined,
      onJobs: (jobs) => this.activity.jobsTold(jobs),
      onClose: (closed) => {
        if (this.#driver === closed) this.#driver = null;
      },
    });
    this.#driver = link;
    this.#proven = false;
    before?.end("replaced");
    clock.setTimeout(() => {
      if (this.#driver === link) this.#proven = true;
    }, PROOF_MS);
  }

  #welcome(
    socket: FrameSocket,
    features: readonly string[],
    pingMs: number,
    deadMs: number,
    more: object,
  ): void {
    const body = {
      linkId: "lnk_sim",
      hubId: "hub_sim",
      features,
      pingMs,
      deadMs,
      frameBytesMax: limits.WS_MESSAGE_BYTES_MAX,
      ...more,
    };
    socket.send(encodeFrame({ type: FrameType.welcome, body: encodeJson(body) }));
  }
}

/** Where a hub would lose frames, if it did: between its links, each of which counts them all. */
class FaultyDriverLink extends DriverLink {
  readonly #fault: RelayFault;

  constructor(fault: RelayFault, options: ConstructorParameters<typeof DriverLink>[0]) {
    super(options);
    this.#fault = fault;
  }

  override attach(attach: AttachRequest, target: RouteTarget, vector?: Uint8Array): number {
    const faulty: RouteTarget = {
      route: target.route,
      deliver: (frame, message) => {
        this.#relayed(message, (copy) => target.deliver(frame, copy));
      },
      ended: (moved) => target.ended(moved),
    };
    return super.attach(attach, faulty, vector);
  }

  override forward(route: number, message: Uint8Array): void {
    this.#relayed(message, (copy) => super.forward(route, copy));
  }

  /** Whoever relays a message may write into it, so the second one is another. */
  #relayed(message: Uint8Array, relay: (message: Uint8Array) => void): void {
    const fault = this.#fault(message);
    const second = fault === "doubled" ? message.slice() : null;
    if (fault !== "lost") relay(message);
    if (second !== null) relay(second);
  }
}
