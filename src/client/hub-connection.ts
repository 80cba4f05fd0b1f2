/**
 * A client's connection to a hub that outlives its sockets: dials again for ever, and puts each
 * channel on the new link where it stood. Runs in Node, Bun, Deno and browsers; how a socket opens
 * is the caller's (`node.ts`, `browser.ts`).
 *
 * The first dial is the caller's to judge: when it fails, `connectHub` rejects. After that only
 * `close` ends the connection, or a hub that says that it will never take this client again.
 */
import { createBackoff } from "../base/backoff.ts";
import { systemClock, type Clock } from "../base/clock.ts";
import type { Crc32 } from "../base/crc32.ts";
import { HubError, toHubError } from "../base/hub-error.ts";
import { limits } from "../base/limits.ts";
import { systemRandom, type Random } from "../base/random.ts";
import { NO_CLOSE_FRAME, type Redial as AfterEnd } from "../protocol/close-codes.ts";
import { Redial, type Attempt, type AttemptEvents, type RedialPhase } from "../stream/redial.ts";
import type { FrameSocket } from "../transport/frame-socket.ts";
import { HubLink } from "./hub-link.ts";
import { createOutcome } from "./outcome.ts";
import { AttachedChannel } from "./attached-channel.ts";
import type { AttachOptions, SessionChannel } from "./session-channel.ts";

/** How the connection is; streams wait while it is not `live`, and go on. */
export type ConnectionState =
  | { readonly kind: "live" }
  | { readonly kind: "reconnecting"; readonly sinceMs: number; readonly error: HubError }
  | { readonly kind: "closed"; readonly error: HubError | null };

export interface HubConnection {
  readonly hubId: string;
  readonly state: ConnectionState;
  /** Calls back with each change, not with the state of now. Returns a function that ends it. */
  onState(listener: (state: ConnectionState) => void): () => void;
  /**
   * `session` is an id or a name. Resolves when the session's driver took the channel; after that
   * the channel outlives links, hubs and pauses. @throws HubError
   */
  attach(session: string, options?: AttachOptions): Promise<SessionChannel>;
  /** The network is back, the page is seen again: dial now, or look whether the link lives. */
  wake(): void;
  /** Leaves all sessions and ends the connection. */
  close(): void;
  /** Resolves, never rejects, with the reason: `null` when `close` was called. */
  readonly closed: Promise<HubError | null>;
}

export interface ConnectOptions {
  /** Opens a socket; called again for each dial. @throws HubError */
  readonly open: () => Promise<FrameSocket>;
  readonly clock?: Clock;
  readonly random?: Random;
  /** A faster CRC-32 than the portable one. */
  readonly crc32?: Crc32;
}

/** Resolves when the hub has answered the first hello. @throws HubError */
export async function connectHub(options: ConnectOptions): Promise<HubConnection> {
  const connection = new RedialledConnection(options);
  await connection.welcomed;
  return connection;
}

class RedialledConnection implements HubConnection {
  readonly #options: ConnectOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #redial: Redial;
  readonly #welcomed = createOutcome<void>();
  readonly #closed = createOutcome<HubError | null>();
  readonly #channels = new Set<AttachedChannel>();
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  #link: HubLink | null = null;
  #lastError = new HubError("HubUnreachable", "not dialled yet");
  #everLive = false;
  #state: ConnectionState;
  hubId = "";

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#state = {
      kind: "reconnecting",
      sinceMs: this.#clock.now(),
      error: this.#lastError,
    };
    this.#redial = new Redial({
      clock: this.#clock,
      backoff: createBackoff({
        minMs: limits.REDIAL_MIN_MS,
        maxMs: limits.REDIAL_MAX_MS,
        random: this.#random,
      }),
      connect: (_reason, events) => this.#connect(events),
      onPhase: (phase) => this.#phaseChanged(phase),
    });
    this.#redial.start();
  }

  get welcomed(): Promise<void> {
    return this.#welcomed.promise;
  }

  get closed(): Promise<HubError | null> {
    return this.#closed.promise;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  onState(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  attach(session: string, options: AttachOptions = {}): Promise<SessionChannel> {
    if (this.#state.kind === "closed") {
      return Promise.reject(this.#state.error ?? new HubError("LinkLost", CLOSED));
    }
    const channel = new AttachedChannel({
      ...options,
      session,
      clock: this.#clock,
      random: this.#random,
      ...(this.#options.crc32 !== undefined && { crc32: this.#options.crc32 }),
      onEnded: () => this.#channels.delete(channel),
    });
    this.#channels.add(channel);
    if (this.#link !== null && this.#state.kind === "live") channel.linked(this.#link);
    return channel.ready;
  }

  wake(): void {
    if (this.#redial.phase.name === "waiting") this.#redial.nudge("wake");
    else this.#link?.ping();
  }

  close(): void {
    if (this.#state.kind === "closed") return;
    for (const channel of this.#channels) channel.close();
    this.#link?.close();
    this.#end(null);
  }

  #connect(events: AttemptEvents): Attempt {
    const attempt: { link: HubLink | null; given: boolean } = { link: null, given: false };
    this.#options.open().then(
      (socket) => {
        if (attempt.given) {
          socket.terminate();
          return;
        }
        attempt.link = this.#openLink(socket, events);
        attempt.link.start();
      },
      (error: unknown) => {
        this.#lastError = toHubError(error);
        const then = afterFault(this.#lastError);
        const end = { code: NO_CLOSE_FRAME, reason: this.#lastError.message };
        events.ended(then === null ? end : { ...end, then });
      },
    );
    return {
      abandon: () => {
        attempt.given = true;
        attempt.link?.abandon();
        if (attempt.link !== null && this.#link === attempt.link) this.#unlink();
      },
    };
  }

  #openLink(socket: FrameSocket, events: AttemptEvents): HubLink {
    const link = new HubLink(socket, this.#clock, {
      onWelcome: (welcome) => {
        this.hubId = welcome.hubId;
        this.#link = link;
        events.live();
      },
      onAttached: (route, attached, entries) => {
        const channel = this.#find(attached.channelId);
        const { opened, seen } = attached;
        if (channel === null) link.detach(route, attached.epoch);
        else channel.attached(link, route, attached, { opened, seen, entries });
      },
      onRefused: (channelId, error, code) => this.#find(channelId)?.refused(error, code),
      onRouteEnd: (route, error) => this.#on(route)?.routeEnded(error),
      // A route that is gone may still get frames that were on their way.
      onStreamFrame: (frame) => this.#on(frame.route)?.receive(frame),
      onEnd: ({ end, error }) => {
        this.#lastError = error;
        events.ended(end);
      },
    });
    return link;
  }

  #phaseChanged(phase: RedialPhase): void {
    if (this.#state.kind === "closed") return;
    if (phase.name === "live") {
      this.#everLive = true;
      this.#tell({ kind: "live" });
      this.#welcomed.resolve();
      for (const channel of [...this.#channels]) {
        if (this.#link !== null) channel.linked(this.#link);
      }
    } else if (phase.name === "stopped") this.#end(this.#lastError);
    else if (phase.name === "waiting") {
      // The first dial is the caller's to judge, unless the hub itself says when to come again.
      const called = phase.end.retryAfterMs !== undefined;
      if (!this.#everLive && !called) this.#end(this.#lastError);
      else if (this.#state.kind === "live") {
        const sinceMs = this.#clock.now();
        this.#tell({ kind: "reconnecting", sinceMs, error: this.#lastError });
      }
    }
  }

  #unlink(): void {
    this.#link = null;
    for (const channel of [...this.#channels]) channel.unlinked(this.#lastError);
  }

  #end(error: HubError | null): void {
    if (this.#state.kind === "closed") return;
    this.#tell({ kind: "closed", error });
    this.#redial.stop({ code: 1000, reason: "closed" });
    this.#link = null;
    this.#welcomed.reject(error ?? new HubError("LinkLost", CLOSED));
    for (const channel of [...this.#channels]) channel.end(error);
    this.#closed.resolve(error);
  }

  #tell(state: ConnectionState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }

  #find(channelId: string): AttachedChannel | null {
    for (const channel of this.#channels) if (channel.channelId === channelId) return channel;
    return null;
  }

  #on(route: number): AttachedChannel | null {
    for (const channel of this.#channels) if (channel.route === route) return channel;
    return null;
  }
}

const CLOSED = "the connection was closed";

/** What a refused dial says about the next one; null when the close code decides. */
function afterFault({ code }: HubError): AfterEnd | null {
  switch (code) {
    case "Unauthenticated":
    case "Forbidden":
    case "HostNotAllowed":
    case "OriginNotAllowed":
    case "VersionUnsupported":
      return "stop";
    default:
      return null;
  }
}
