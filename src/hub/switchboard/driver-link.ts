/**
 * The link of one driver in one epoch: answers challenges, carries the routes of many clients.
 * A route belongs to one channel, is given once, and is never used again on this link.
 */
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import { newId } from "../../base/ids.ts";
import { limits } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { encodeJson } from "../../protocol/bodies.ts";
import { CloseCodes } from "../../protocol/close-codes.ts";
import { JobsTold, parseControl, type AttachRequest, type Detach } from "../../protocol/control.ts";
import { CheckpointReady } from "../../protocol/rest.ts";
import { encodeFrame, FrameType, rewriteRoute, type Frame } from "../../protocol/frame.ts";
import { joinAttach } from "../../protocol/resume.ts";
import type { FrameSocket } from "../../transport/frame-socket.ts";
import type { Quiesced } from "../session/quiesced.ts";
import type { DriverLink as SessionDriverLink } from "../session/session.ts";
import type { LinkEnding } from "../session/work-desk.ts";
import type { InsideAnswer } from "../../probes/probe.ts";
import { Leg } from "./leg.ts";
import { ProbeChannel } from "./probe-channel.ts";
import { RestCall } from "./rest-call.ts";
import type { WaitingBytes } from "./waiting-bytes.ts";

/** A driver on a slow line is not silent yet. */
const ANSWER_WAIT_MS_MIN = 1_000;

/** Why a link ends whose session goes on at another hub. */
export const MOVED = "another hub has the session";

/** Where frames of a route go: the client's side of the same channel. */
export interface RouteTarget {
  /** Already pointed at the client's own route. */
  readonly route: number;
  deliver(frame: Frame, message: Uint8Array): void;
  /** The driver's link ended: nothing more comes on this route. Another hub has it, if `moved`. */
  ended(moved: boolean): void;
}

export interface DriverLinkOptions {
  readonly socket: FrameSocket;
  /** What both sides of the link speak. */
  readonly features: readonly string[];
  readonly waiting: WaitingBytes;
  readonly epoch: number;
  /** Session id: what the hub's own channel is attached to. */
  readonly session: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly onSuspect: (link: DriverLink) => void;
  readonly onClose: (link: DriverLink, reason: string) => void;
  readonly onJobs: (jobs: JobsTold) => void;
}

export class DriverLink implements SessionDriverLink {
  readonly epoch: number;
  readonly #leg: Leg;
  readonly #options: DriverLinkOptions;
  readonly #clock: Clock;
  readonly #routes = new Map<number, RouteTarget>();
  readonly #waiting = new Map<number, (lost: HubError | null) => void>();
  #nextRoute = 1;
  #probes: ProbeChannel | null = null;
  #rest: RestCall | null = null;
  /** Null while the hub has not ended it. */
  #ending: LinkEnding | null = null;

  constructor(options: DriverLinkOptions) {
    this.#options = options;
    this.epoch = options.epoch;
    this.#clock = options.clock;
    const { socket, clock, random, log, features, waiting } = options;
    this.#leg = new Leg({
      ...{ socket, clock, random, log, features, waiting },
      pingMs: limits.DRIVER_PING_MS,
      suspectMs: limits.DRIVER_SUSPECT_MS,
      deadMs: limits.DRIVER_DEAD_MS,
      onFrame: (frame, message) => {
        if (frame.type === FrameType.jobs) options.onJobs(parseControl(JobsTold, frame.body));
        else if (frame.type === FrameType.checkpointReady) {
          this.#rest?.ready(parseControl(CheckpointReady, frame.body));
        } else this.#relay(frame, message);
      },
      onPong: (pong) => {
        this.#waiting.get(pong.n)?.(null);
      },
      onSuspect: () => options.onSuspect(this),
      onClose: (reason) => {
        const targets = [...this.#routes.values()];
        this.#routes.clear();
        const lost = (): HubError =>
          new HubError("DriverAbsent", `the driver's link ended: ${reason}`);
        for (const answer of [...this.#waiting.values()]) answer(lost());
        options.onClose(this, reason);
        for (const target of targets) target.ended(this.#ending === "moved");
        this.#rest?.closed();
      },
    });
  }

  challenge(waitMs: number): Promise<{ readonly loopLagMs: number }> {
    return new Promise((resolve, reject) => {
      if (!this.#leg.open) {
        reject(new HubError("DriverAbsent", "the driver's link is closed"));
        return;
      }
      const n = this.#leg.ping();
      // Made only when it is late: most answers come, and each stack of an error is dear.
      const timer = this.#clock.setTimeout(
        () => answer(new HubError("DriverDeaf", `the driver did not answer within ${waitMs} ms`)),
        waitMs,
      );
      const answer = (failure: HubError | null): void => {
        this.#waiting.delete(n);
        this.#clock.clearTimeout(timer);
        if (failure === null) resolve({ loopLagMs: this.#leg.peerLoopLagMs });
        else reject(failure);
      };
      this.#waiting.set(n, answer);
    });
  }

  /** What a ping sent now may take, by what earlier ones took. */
  get answerWaitMs(): number {
    return Math.max(ANSWER_WAIT_MS_MIN, 4 * (this.#leg.srttMs ?? 0));
  }

  async inside(nonce: string, signal: AbortSignal): Promise<InsideAnswer> {
    return this.#probeChannel().inside(nonce, signal);
  }

  async mark(
    files: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly (string | null)[] | null> {
    return this.#probeChannel().mark(files, signal);
  }

  async terminal(nonce: string, signal: AbortSignal): Promise<string> {
    return this.#probeChannel().terminal(nonce, signal);
  }

  quiesce(waitMs: number): Promise<Quiesced> {
    const { clock, random, features } = this.#options;
    if (!features.includes("checkpoint")) return Promise.resolve({ kind: "unable" });
    if (!this.#leg.open) return Promise.resolve({ kind: "lost", tookMs: 0 });
    const id = newId("chk", random);
    const cut = (): void => this.#leg.terminate("at rest");
    this.#rest = new RestCall({ clock, id, waitMs: waitMs + this.answerWaitMs, cut });
    const body = encodeJson({ id, deadlineMs: waitMs });
    const { epoch } = this;
    this.#leg.send(encodeFrame({ type: FrameType.prepareCheckpoint, epoch, body }));
    return this.#rest.answer;
  }

  get expected(): boolean {
    return this.#ending !== null || this.#rest?.answered === true;
  }

  end(why: LinkEnding): void {
    this.#ending = why;
    switch (why) {
      case "suspended":
        this.#leg.terminate("suspended");
        break;
      case "removed":
        this.#leg.close(CloseCodes.sessionUnknown, "the session was removed");
        break;
      case "replaced":
        this.#leg.close(CloseCodes.fenced, "a newer driver holds the session");
        break;
      case "moved":
        this.#leg.goAway(MOVED);
        break;
      case "outdated":
        // Every driver takes this for its end: it leaves, and what is launched next is newer.
        this.#leg.close(CloseCodes.normal, "a newer driver takes its place");
        break;
    }
  }

  /** Opens a route for a client's channel and tells the driver, with what the client told. */
  attach(attach: AttachRequest, target: RouteTarget, vector = NO_VECTOR): number {
    const route = this.#nextRoute++;
    this.#routes.set(route, target);
    const body = joinAttach(encodeJson(attach), vector);
    this.#leg.send(encodeFrame({ type: FrameType.attach, route, epoch: this.epoch, body }));
    return route;
  }

  detach(route: number, detach: Detach): void {
    if (!this.#routes.delete(route)) return;
    const body = encodeJson(detach);
    const { epoch } = this;
    this.#leg.endRoute(route, encodeFrame({ type: FrameType.detach, route, epoch, body }));
  }

  /** A client's frame, still with the client's route in it. */
  forward(route: number, message: Uint8Array): void {
    rewriteRoute(message, route);
    this.#leg.send(message);
  }

  close(reason: string): void {
    this.#leg.goAway(reason);
  }

  #relay(frame: Frame, message: Uint8Array): void {
    // Frames on a route that is gone were on their way when it ended.
    const target = this.#routes.get(frame.route);
    if (target === undefined) return;
    rewriteRoute(message, target.route);
    target.deliver(frame, message);
    const over = frame.type === FrameType.error || frame.type === FrameType.detach;
    if (over) this.#routes.delete(frame.route);
  }

  /** The hub's own channel is opened with the first probe, and ends with the link. */
  #probeChannel(): ProbeChannel {
    if (!this.#leg.open) throw new HubError("DriverAbsent", "the driver's link is closed");
    if (this.#probes !== null) return this.#probes;
    const { random, session } = this.#options;
    const attach = { mode: "new", session, channelId: newId("chn", random) } as const;
    const route = this.attach(attach, {
      route: 0,
      deliver: (frame) => {
        if (frame.type !== FrameType.error) probes.receive(frame);
        else this.#endProbes();
      },
      ended: () => this.#endProbes(),
    });
    const send = (message: Uint8Array): void => this.#leg.send(message);
    const probes = new ProbeChannel({ route, epoch: this.epoch, clock: this.#clock, send });
    this.#probes = probes;
    return probes;
  }

  #endProbes(): void {
    this.#probes?.end();
    this.#probes = null;
  }
}

/** What a channel that begins has to tell. */
const NO_VECTOR: Uint8Array = new Uint8Array(0);
