/**
 * The link of one client: attaches channels to sessions and relays their frames. The hub looks at
 * the header only and keeps no stream bytes (SB1).
 */
import type { Clock } from "../../base/clock.ts";
import { toHubError, type HubError } from "../../base/hub-error.ts";
import { limits } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { encodeJson } from "../../protocol/bodies.ts";
import { Attach, Detach, parseControl } from "../../protocol/control.ts";
import { encodeFrame, FrameType, isStreamFrame, type Frame } from "../../protocol/frame.ts";
import { ProtocolError } from "../../protocol/protocol-error.ts";
import { splitAttach } from "../../protocol/resume.ts";
import type { FrameSocket } from "../../transport/frame-socket.ts";
import type { SessionActivity } from "../activity/session-activity.ts";
import { TypingWatch } from "../activity/typing-watch.ts";
import { whyNotLooking, type Guest } from "../auth/guest.ts";
import { MOVED, type DriverLink } from "./driver-link.ts";
import { Leg } from "./leg.ts";
import type { WaitingBytes } from "./waiting-bytes.ts";

/** What an attach finds: the session's id and its proven driver. */
export interface Destination {
  readonly sessionId: string;
  readonly driver: DriverLink;
  /** Hears of what this client does there. */
  readonly activity: Pick<SessionActivity, "visited">;
  /** How the session is now, for a client whose driver went away. */
  state(): string;
}

export interface ClientLinkOptions {
  readonly socket: FrameSocket;
  /** What both sides of the link speak. */
  readonly features: readonly string[];
  readonly waiting: WaitingBytes;
  readonly guest: Guest;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** @throws HubError when the session is unknown or not proven. */
  readonly find: (idOrName: string, wakes: boolean) => Destination;
  /** Where a session is that is not here; null when nobody has it. Unset for a hub of its own. */
  readonly movedTo?: (idOrName: string) => Promise<HubError | null>;
  /** Resolves when the session comes to rest, or after a while. Unset: nobody is waited for. */
  readonly atRest?: (idOrName: string) => Promise<void>;
  readonly onClose: (link: ClientLink) => void;
}

interface Binding {
  readonly destination: Destination;
  readonly driverRoute: number;
  readonly typing: TypingWatch;
}

export class ClientLink {
  readonly #leg: Leg;
  readonly #options: ClientLinkOptions;
  readonly #bindings = new Map<number, Binding>();
  #nextRoute = 1;
  /** Attaches that wait for their session to be proven. */
  #held = 0;

  constructor(options: ClientLinkOptions) {
    this.#options = options;
    const { socket, clock, random, log, features, waiting } = options;
    this.#leg = new Leg({
      ...{ socket, clock, random, log, features, waiting },
      pingMs: limits.CLIENT_PING_MS,
      suspectMs: limits.CLIENT_PING_MS * 2,
      deadMs: limits.CLIENT_DEAD_MS,
      onFrame: (frame, message) => this.#receive(frame, message),
      onClose: () => {
        for (const { destination, driverRoute, typing } of this.#bindings.values()) {
          typing.left();
          // It may come back, over this hub or another: the driver keeps the channel for it.
          const detach = { reason: "the client's link ended", keep: true };
          destination.driver.detach(driverRoute, detach);
        }
        this.#bindings.clear();
        options.onClose(this);
      },
    });
  }

  close(reason: string): void {
    this.#leg.goAway(reason);
  }

  #receive(frame: Frame, message: Uint8Array): void {
    switch (frame.type) {
      case FrameType.attach:
        this.#attach(frame.body);
        break;
      case FrameType.detach:
        this.#detach(frame.route, parseControl(Detach, frame.body));
        break;
      default: {
        if (!isStreamFrame(frame.type)) {
          throw new ProtocolError(`frame type ${frame.type} is not a client's to send`);
        }
        const binding = this.#bindings.get(frame.route);
        if (binding === undefined) return;
        if (this.#options.guest.onlyLooks && !this.#mayPass(frame, binding)) return;
        binding.typing.sent(frame);
        binding.destination.driver.forward(binding.driverRoute, message);
      }
    }
  }

  #attach(body: Uint8Array): void {
    const { json, vector } = splitAttach(body);
    if (this.#bindings.size + this.#held >= limits.CHANNELS_PER_LINK_MAX) {
      throw new ProtocolError(`more than ${limits.CHANNELS_PER_LINK_MAX} channels on one link`);
    }
    this.#land(parseControl(Attach, json), vector, this.#options.atRest);
  }

  #land(attach: Attach, vector: Uint8Array, atRest: ClientLinkOptions["atRest"]): void {
    const { guest } = this.#options;
    const intent = guest.onlyLooks ? "observe" : (attach.intent ?? "wake");
    let destination: Destination;
    try {
      const wakes = attach.intent === "wake" && attach.mode === "new" && !guest.onlyLooks;
      destination = this.#options.find(attach.session, wakes);
    } catch (error) {
      const fault = toHubError(error);
      const comes = fault.code === "SessionNotConnected" && attach.mode === "resume";
      if (comes && atRest !== undefined) this.#hold(attach, vector, atRest(attach.session));
      else this.#explain(fault, attach);
      return;
    }
    const route = this.#nextRoute++;
    const { driver, sessionId } = destination;
    const driverRoute = driver.attach(
      { ...attach, session: sessionId },
      {
        route,
        deliver: (frame, message) => this.#deliver(route, frame, message),
        ended: (moved) => this.#driverEnded(route, moved),
      },
      vector,
    );
    const typing = new TypingWatch(destination.activity.visited(intent), attach.mode === "resume");
    this.#bindings.set(route, { destination, driverRoute, typing });
  }

  /** A channel that was elsewhere is often here sooner than the proof of its session. */
  #hold(attach: Attach, vector: Uint8Array, rested: Promise<void>): void {
    this.#held += 1;
    void rested.then(() => {
      this.#held -= 1;
      if (this.#leg.open) this.#land(attach, vector, undefined);
    });
  }

  /** A stream on which one who only looks does more is over, at both ends. */
  #mayPass(frame: Frame, { destination: { driver }, driverRoute }: Binding): boolean {
    const why = whyNotLooking(frame);
    if (why === null) return true;
    const { route, epoch, stream } = frame;
    const reset = { type: FrameType.reset, epoch, stream };
    const told = encodeJson({ code: "PERMISSION", message: why });
    this.#leg.send(encodeFrame({ ...reset, route, body: told }));
    if (frame.type === FrameType.open) return false;
    const body = encodeJson({ code: "CANCELLED", message: why });
    driver.forward(driverRoute, encodeFrame({ ...reset, route: driverRoute, body }));
    return false;
  }

  /** A driver that refuses the attach, or takes the channel elsewhere, ends the route. */
  #deliver(route: number, { type }: Frame, message: Uint8Array): void {
    if (type === FrameType.error || type === FrameType.detach) {
      this.#bindings.get(route)?.typing.left();
      this.#bindings.delete(route);
      this.#leg.endRoute(route, message);
    } else this.#leg.send(message);
  }

  #detach(route: number, detach: Detach): void {
    const binding = this.#bindings.get(route);
    if (binding === undefined) return;
    this.#bindings.delete(route);
    binding.typing.left();
    binding.destination.driver.detach(binding.driverRoute, detach);
  }

  #driverEnded(route: number, moved: boolean): void {
    const binding = this.#bindings.get(route);
    if (binding === undefined) return;
    this.#bindings.delete(route);
    binding.typing.left();
    const { destination } = binding;
    const { epoch } = destination.driver;
    const body = {
      session: destination.sessionId,
      driver: "down",
      state: destination.state(),
      epoch,
    };
    const type = FrameType.peerState;
    this.#leg.endRoute(route, encodeFrame({ type, route, epoch, body: encodeJson(body) }));
    if (moved && this.#bindings.size === 0) this.#leg.goAway(MOVED);
  }

  /** One that another hub has is dialled again, by a link that has nothing else. */
  #explain(error: HubError, { session, channelId }: Attach): void {
    const { movedTo } = this.#options;
    if (movedTo === undefined || error.code !== "SessionNotFound") {
      this.#refuse(error, channelId);
      return;
    }
    void movedTo(session)
      .catch(toHubError)
      .then((moved) => {
        this.#refuse(moved ?? error, channelId);
        if (moved !== null && this.#bindings.size === 0) this.#leg.goAway(moved.message);
      });
  }

  #refuse(error: HubError, channelId: string): void {
    const { code, message, hint, retryAfter } = error;
    const again = retryAfter === undefined ? {} : { retryAfterMs: retryAfter.waitMs };
    const body = { code, message, hint, channelId, ...again };
    this.#leg.send(encodeFrame({ type: FrameType.error, body: encodeJson(body) }));
  }
}
