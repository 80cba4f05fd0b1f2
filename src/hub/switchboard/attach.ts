/**
 * The front desk of the switchboard: from an authenticated socket to a driver that holds an epoch,
 * or a client that may attach. Epochs are issued here, by the store, in two phases: issued before
 * WELCOME, confirmed before anyone is routed to the driver.
 */
import type { Clock } from "../../base/clock.ts";
import { newId } from "../../base/ids.ts";
import { limits } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { encodeJson } from "../../protocol/bodies.ts";
import { CloseCodes } from "../../protocol/close-codes.ts";
import { EpochConfirm, parseControl, type DriverHello } from "../../protocol/control.ts";
import { decodeFrame, encodeFrame, FrameType } from "../../protocol/frame.ts";
import { ProtocolError } from "../../protocol/protocol-error.ts";
import { commonFeatures } from "../../protocol/version.ts";
import type { FrameSocket } from "../../transport/frame-socket.ts";
import { whyNotRoutable, type Session } from "../session/session.ts";
import { ClientLink } from "./client-link.ts";
import { DriverLink } from "./driver-link.ts";
import { onHello, refuse } from "./hello.ts";

/**
 * A driver names the last epoch that it knows. One that names a number from beyond any real life
 * of a session would use up all that can follow.
 */
const EPOCH_MAX = 2 ** 40;

/** A client whose session broke asks for it again within seconds. */
const WANTED_MS = 60_000;
/** Above this many sessions, those that nobody asked for lately are forgotten. */
const ASKED_MAX = 1_000;

export interface SwitchboardOptions {
  readonly hubId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** @throws HubError SessionNotFound */
  readonly find: (idOrName: string) => Session;
}

export class Switchboard {
  readonly #options: SwitchboardOptions;
  readonly #clients = new Set<ClientLink>();
  readonly #drivers = new Set<DriverLink>();
  /** When a client last asked for a session by this id, monotonic ms, whether it got it or not. */
  readonly #askedFor = new Map<string, number>();
  /** Once true no link gets further than its hello: the store behind it is about to close. */
  #closing = false;

  constructor(options: SwitchboardOptions) {
    this.#options = options;
  }

  get counts(): { readonly clients: number; readonly drivers: number } {
    return { clients: this.#clients.size, drivers: this.#drivers.size };
  }

  /** Whether somebody has the session open, or waits for it to come back. */
  isWanted(sessionId: string): boolean {
    const askedAt = this.#askedFor.get(sessionId) ?? -Infinity;
    return this.#options.clock.mono() - askedAt < WANTED_MS;
  }

  acceptClient(socket: FrameSocket): void {
    const { clock, find } = this.#options;
    onHello(socket, clock, (hello) => {
      if (this.#refuseWhileClosing(socket)) return;
      if (hello.role !== "client") {
        refuse(socket, CloseCodes.forbidden, "this door is for clients");
        return;
      }
      this.#welcome(socket, hello, limits.CLIENT_PING_MS, limits.CLIENT_DEAD_MS, {});
      const link = new ClientLink({
        ...this.#options,
        socket,
        find: (idOrName) => {
          const session = find(idOrName);
          this.#noteAsked(session.record.id);
          const driver = session.route;
          if (!(driver instanceof DriverLink)) throw whyNotRoutable(session.record);
          return { sessionId: session.record.id, driver, state: () => session.record.detail };
        },
        onClose: (closed) => this.#clients.delete(closed),
      });
      this.#clients.add(link);
    });
  }

  /** `session` is whom the driver's token speaks for. */
  acceptDriver(socket: FrameSocket, session: Session): void {
    onHello(socket, this.#options.clock, (hello) => {
      if (this.#refuseWhileClosing(socket)) return;
      if (hello.role !== "driver" || hello.session !== session.record.id) {
        refuse(socket, CloseCodes.forbidden, "this token speaks for another session");
      } else if (session.record.state === "ended") {
        refuse(socket, CloseCodes.sessionUnknown, "the session was removed");
      } else {
        this.#offerEpoch(socket, session, hello);
      }
    });
  }

  /** Ends every link politely; both ends re-dial by themselves. */
  close(reason: string): void {
    this.#closing = true;
    for (const link of [...this.#clients, ...this.#drivers]) link.close(reason);
  }

  #noteAsked(sessionId: string): void {
    this.#askedFor.set(sessionId, this.#options.clock.mono());
    if (this.#askedFor.size <= ASKED_MAX) return;
    for (const id of this.#askedFor.keys()) if (!this.isWanted(id)) this.#askedFor.delete(id);
  }

  #refuseWhileClosing(socket: FrameSocket): boolean {
    if (this.#closing) socket.close(CloseCodes.goingAway.code, "the hub is going down");
    return this.#closing;
  }

  #attachDriver(socket: FrameSocket, session: Session, hello: DriverHello, epoch: number): void {
    const link = new DriverLink({
      ...this.#options,
      socket,
      epoch,
      session: session.record.id,
      onSuspect: (suspect) => session.fellSilent(suspect),
      onClose: (closed, reason) => {
        this.#drivers.delete(closed);
        session.detach(closed, reason);
      },
    });
    this.#drivers.add(link);
    session.ledger.note(
      "driver.attached",
      `driver attached in epoch ${epoch} (${hello.reason}, pid ${hello.instance.pid})`,
      { epoch, reason: hello.reason, impl: hello.impl, instance: hello.instance },
      { epoch },
    );
    session.attach(link);
  }

  /** Issues the next epoch; the driver is attached once it has adopted it. */
  #offerEpoch(socket: FrameSocket, session: Session, hello: DriverHello): void {
    const { clock, random } = this.#options;
    // A driver that saw more than this store issued means that the store went back in time.
    const epoch = Math.max(session.record.epochIssued, hello.lastEpoch ?? 0) + 1;
    if (epoch > EPOCH_MAX) {
      refuse(socket, CloseCodes.badFrame, `no epoch can follow ${epoch - 1}`);
      return;
    }
    session.ledger.note("epoch.issued", `epoch ${epoch} issued`, { epoch }, { epochIssued: epoch });
    const challenge = Buffer.from(random.bytes(16)).toString("base64url");
    onConfirm(socket, clock, { epoch, challenge }, () => {
      if (this.#refuseWhileClosing(socket)) return;
      if (session.record.state === "ended") {
        refuse(socket, CloseCodes.sessionUnknown, "the session was removed");
      } else if (epoch <= session.record.epoch) {
        refuse(socket, CloseCodes.fenced, "a newer driver holds the session");
      } else {
        this.#attachDriver(socket, session, hello, epoch);
      }
    });
    const { DRIVER_PING_MS, DRIVER_DEAD_MS } = limits;
    this.#welcome(socket, hello, DRIVER_PING_MS, DRIVER_DEAD_MS, { epoch, challenge });
  }

  #welcome(
    socket: FrameSocket,
    hello: { readonly features: readonly string[] },
    pingMs: number,
    deadMs: number,
    more: object,
  ): void {
    const { hubId, random } = this.#options;
    const body = {
      linkId: newId("lnk", random),
      hubId,
      features: commonFeatures(hello.features),
      pingMs,
      deadMs,
      frameBytesMax: limits.WS_MESSAGE_BYTES_MAX,
      ...more,
    };
    socket.send(encodeFrame({ type: FrameType.welcome, body: encodeJson(body) }));
  }
}

/** Calls `accept` in the turn in which the driver echoed epoch and challenge. */
function onConfirm(
  socket: FrameSocket,
  clock: Clock,
  offered: EpochConfirm,
  accept: () => void,
): void {
  const timer = clock.setTimeout(() => {
    refuse(socket, CloseCodes.helloTimeout, "the epoch was not confirmed in time");
  }, limits.HELLO_TIMEOUT_MS);
  socket.onClose(() => clock.clearTimeout(timer));
  socket.onFrame((message) => {
    try {
      const frame = decodeFrame(message);
      if (frame === null) return;
      if (frame.type !== FrameType.epochConfirm) throw new ProtocolError("epoch not confirmed");
      const confirm = parseControl(EpochConfirm, frame.body);
      if (confirm.epoch !== offered.epoch || confirm.challenge !== offered.challenge) {
        throw new ProtocolError("the confirmation is of another welcome");
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      clock.clearTimeout(timer);
      refuse(socket, CloseCodes.badFrame, error.message);
      return;
    }
    clock.clearTimeout(timer);
    accept();
  });
}
