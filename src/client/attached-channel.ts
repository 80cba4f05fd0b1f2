/**
 * An attached session: starts commands and terminals in it until either side leaves for good. The
 * channel outlives links: whenever there is a new one it asks the driver to go on where both
 * stood, and waits for as long as the session is on its way back.
 */
import { createBackoff, type Backoff } from "../base/backoff.ts";
import type { Clock, TimerId } from "../base/clock.ts";
import type { Crc32 } from "../base/crc32.ts";
import type { FaultCode } from "../base/faults.ts";
import { HubError } from "../base/hub-error.ts";
import { newId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { encodeJson } from "../protocol/bodies.ts";
import { parseControl, type Attached } from "../protocol/control.ts";
import { FrameType, type Frame } from "../protocol/frame.ts";
import { encodeVector, joinAttach } from "../protocol/resume.ts";
import { CHANNEL_FEATURES, commonChannelFeatures } from "../protocol/version.ts";
import {
  DriverRequest,
  ExecStatus,
  TerminalList,
  type OpenRequest,
  type Reset,
  type TerminalInfo,
} from "../protocol/services.ts";
import { Channel, type ChannelState } from "../stream/channel.ts";
import type { Stream } from "../stream/stream.ts";
import { openExec, type ExecRequest, type ExecStream, type OpenedExec } from "./exec-stream.ts";
import type { HubLink } from "./hub-link.ts";
import type { Service, SessionChannel } from "./session-channel.ts";
import { createOutcome } from "./outcome.ts";
import { askOnce } from "./ask-once.ts";
import type { AttachOptions, ChannelPhase } from "./attach-options.ts";
import { FINAL, LOST_CHANNEL, RESET_CODES, STDERR_GONE } from "./attach-answers.ts";
import { SessionFiles } from "./session-files.ts";
import {
  acceptedPort,
  openListener,
  openPort,
  type ListenRequest,
  type PortEvents,
  type PortListener,
  type PortStream,
  type PortTarget,
} from "./port-stream.ts";
import {
  attachTerminal,
  openTerminal,
  type TerminalLookRequest,
  type TerminalRequest,
  type TerminalStream,
} from "./terminal-stream.ts";

/** The hub answers an ATTACH from memory; the driver's part is one round trip. */
const ATTACH_TIMEOUT_MS = 10_000;
/** A wake ends in a verdict within the hub's deadlines; then the attach is answered for good. */
const WAKE_TIMEOUT_MS = 150_000;

interface Options extends AttachOptions {
  /** Id or name. */
  readonly session: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly crc32?: Crc32;
  readonly onEnded: () => void;
}

/** What the channel does about the link that it has. */
type Hold =
  | { readonly name: "unlinked" }
  | { readonly name: "asking"; readonly link: HubLink; readonly timer: TimerId }
  | { readonly name: "pausing"; readonly link: HubLink; readonly timer: TimerId }
  | { readonly name: "on"; readonly link: HubLink; readonly route: number };

export class AttachedChannel implements SessionChannel {
  session: string;
  epoch = 0;
  channelId: string;
  readonly files = new SessionFiles(() => {
    this.#assertOpen();
    return this.#channel;
  });
  readonly #options: Options;
  readonly #channel: Channel;
  readonly #ready = createOutcome<SessionChannel>();
  readonly #closed = createOutcome<HubError | null>();
  readonly #again: Backoff;
  readonly #firstTimer: TimerId;
  readonly #listeners = new Set<(phase: ChannelPhase) => void>();
  /** Commands whose stderr stream may still be opened by the driver. */
  readonly #execs = new Map<number, OpenedExec>();
  readonly #accepting = new Map<number, ListenRequest["onConnection"]>();
  #hold: Hold = { name: "unlinked" };
  #attachSeq = 0;
  #everAttached = false;
  #phase: ChannelPhase;

  constructor(options: Options) {
    this.#options = options;
    const { clock, random, session } = options;
    this.session = session;
    this.channelId = newId("chn", random);
    this.#phase = { kind: "waiting", error: new HubError("LinkLost", "not attached yet") };
    const { ATTACH_AGAIN_MIN_MS: minMs, ATTACH_AGAIN_MAX_MS: maxMs } = limits;
    this.#again = createBackoff({ minMs, maxMs, random });
    this.#channel = new Channel({
      side: "client",
      requests: DriverRequest,
      clock,
      ...(options.crc32 !== undefined && { crc32: options.crc32 }),
      onOpen: (request, stream) => this.#peerOpened(request, stream),
      onMissed: (missed, reset) => this.#missStderr((id) => id === missed, reset),
    });
    this.#firstTimer = clock.setTimeout(
      () => {
        const said = this.#phase.kind === "waiting" ? this.#phase.error : null;
        const deaf = new HubError("DriverDeaf", `no answer to the attach of ${session}`);
        this.end(said?.code === "SessionNotConnected" ? said : deaf);
      },
      options.intent === "wake" ? WAKE_TIMEOUT_MS : ATTACH_TIMEOUT_MS,
    );
  }

  /** Resolves with the channel when it was attached for the first time. */
  get ready(): Promise<SessionChannel> {
    return this.#ready.promise;
  }

  get closed(): Promise<HubError | null> {
    return this.#closed.promise;
  }

  get phase(): ChannelPhase {
    return this.#phase;
  }

  get route(): number | null {
    return this.#hold.name === "on" ? this.#hold.route : null;
  }

  onPhase(listener: (phase: ChannelPhase) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  exec(request: ExecRequest): ExecStream {
    this.#assertOpen();
    const exec = openExec(this.#channel, request);
    this.#execs.set(exec.id, exec);
    const forget = (): void => void this.#execs.delete(exec.id);
    exec.exit.then(forget, forget);
    return exec;
  }

  terminal(request: TerminalRequest): TerminalStream {
    this.#assertOpen();
    return openTerminal(this.#channel, request);
  }

  attachTerminal(request: TerminalLookRequest): TerminalStream {
    this.#assertOpen();
    return attachTerminal(this.#channel, request);
  }

  async terminals(): Promise<readonly TerminalInfo[]> {
    this.#assertOpen();
    const read = (json: Uint8Array) => parseControl(TerminalList, json).terminals;
    return askOnce(this.#channel, { kind: "terminal.list" }, read);
  }

  open<Request, Opened>(service: Service<Request, Opened>, request: Request): Opened {
    this.#assertOpen();
    return service(this.#channel, request);
  }

  async execStatus(key: string): Promise<ExecStatus> {
    this.#assertOpen();
    const read = (json: Uint8Array) => parseControl(ExecStatus, json);
    return askOnce(this.#channel, { kind: "exec.status", key }, read);
  }

  tcp(target: PortTarget, events: PortEvents): PortStream {
    this.#assertOpen();
    return openPort(this.#channel, target, events);
  }

  listen(request: ListenRequest): PortListener {
    this.#assertOpen();
    const { id, listener } = openListener(this.#channel, request);
    this.#accepting.set(id, request.onConnection);
    void listener.closed.then(() => this.#accepting.delete(id));
    return listener;
  }

  close(): void {
    if (this.#hold.name === "on") this.#hold.link.detach(this.#hold.route, this.epoch);
    this.end(null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** There is a new link to the hub. */
  linked(link: HubLink): void {
    if (this.#phase.kind !== "ended") this.#ask(link);
  }

  /** The link to the hub is gone. */
  unlinked(error: HubError): void {
    this.#letGo(error);
    this.#enter({ name: "unlinked" });
  }

  attached(link: HubLink, route: number, attached: Attached, peer: ChannelState): void {
    if (this.#hold.name !== "asking" || attached.attachSeq !== this.#attachSeq) {
      // The wait for it had ended; nobody will use this route.
      if (!this.#everAttached) link.detach(route, attached.epoch);
      return;
    }
    this.session = attached.session;
    this.epoch = attached.epoch;
    this.#enter({ name: "on", link, route });
    if (!this.#everAttached) this.#channel.agree(commonChannelFeatures(attached.features));
    this.#channel.bind({ route, epoch: attached.epoch, egress: link.egress }, peer);
    this.#missStderr((id) => !peer.entries.some(({ stream }) => stream === id));
    this.#again.reset();
    this.#everAttached = true;
    this.#options.clock.clearTimeout(this.#firstTimer);
    this.#tell({ kind: "live", epoch: attached.epoch });
    this.#ready.resolve(this);
  }

  /** The hub or the driver refused the attach. `code` is the wire's own word. */
  refused(error: HubError, code: string): void {
    if (this.#hold.name !== "asking") return;
    const lost = LOST_CHANNEL[code];
    if (lost !== undefined) this.#lose(lost, error.message);
    else if (this.#mayAskAgain(error)) this.#pause(this.#hold.link, error);
    else this.end(error);
  }

  /** The first time only where the hub works on it: suspended, or in error, is an answer. */
  #mayAskAgain({ code, retryAfter }: HubError): boolean {
    if (this.#everAttached) return !FINAL.has(code);
    return retryAfter !== undefined && this.#options.intent !== "observe";
  }

  /** The driver left, or the route was ended. */
  routeEnded(error: HubError): void {
    if (this.#hold.name !== "on") return;
    const { link } = this.#hold;
    this.#letGo(error);
    this.#pause(link, error);
  }

  /** @throws ProtocolError */
  receive(frame: Frame): void {
    this.#channel.receive(frame);
  }

  /** It is over; `error` is null when this side wanted it. */
  end(error: HubError | null): void {
    const message = error?.message ?? "the client left the session";
    const code = error === null ? "CANCELLED" : (RESET_CODES[error.code] ?? "DRIVER_GONE");
    this.#finish(error, { code, message });
  }

  #lose(code: FaultCode, message: string): void {
    this.end(new HubError(code, message));
  }

  #finish(error: HubError | null, reset: Reset): void {
    if (this.#phase.kind === "ended") return;
    this.#enter({ name: "unlinked" });
    this.#options.clock.clearTimeout(this.#firstTimer);
    this.#tell({ kind: "ended", error });
    this.#options.onEnded();
    this.#ready.reject(error ?? new HubError("LinkLost", reset.message));
    this.#channel.close(reset);
    // Also those whose own stream is over and whose errors will never come.
    for (const exec of this.#execs.values()) exec.lost(reset);
    this.#closed.resolve(error);
  }

  #ask(link: HubLink): void {
    const { clock, random, intent, leaseMs = limits.CHANNEL_LEASE_MS } = this.#options;
    const mode = this.#everAttached ? "resume" : "new";
    // Whether an unanswered first ATTACH made a channel is not known; nothing was sent in it.
    if (mode === "new") this.channelId = newId("chn", random);
    this.#attachSeq += 1;
    const timer = clock.setTimeout(() => {
      this.#pause(link, new HubError("DriverDeaf", "the driver did not answer the attach"));
    }, ATTACH_TIMEOUT_MS);
    this.#enter({ name: "asking", link, timer });
    const { entries, ...state } = this.#channel.state();
    const head = {
      mode,
      session: this.session,
      channelId: this.channelId,
      attachSeq: this.#attachSeq,
      leaseMs,
      features: this.#everAttached ? this.#channel.features : CHANNEL_FEATURES,
      ...(intent === undefined ? {} : { intent }),
      ...state,
    };
    link.control(FrameType.attach, 0, 0, joinAttach(encodeJson(head), encodeVector(entries)));
  }

  #pause(link: HubLink, error: HubError): void {
    const timer = this.#options.clock.setTimeout(() => this.#ask(link), this.#again.next());
    this.#enter({ name: "pausing", link, timer });
    this.#tell({ kind: "waiting", error });
  }

  #letGo(error: HubError): void {
    this.#channel.unbind();
    if (this.#phase.kind !== "ended") this.#tell({ kind: "waiting", error });
  }

  #enter(hold: Hold): void {
    const old = this.#hold;
    if (old.name === "asking" || old.name === "pausing")
      this.#options.clock.clearTimeout(old.timer);
    this.#hold = hold;
  }

  #tell(phase: ChannelPhase): void {
    this.#phase = phase;
    for (const listener of this.#listeners) listener(phase);
  }

  /** A driver that was restored may not know the errors of a command whose exit it told. */
  #missStderr(isGone: (id: number, of: number) => boolean, reset = STDERR_GONE): void {
    for (const exec of this.#execs.values()) {
      if (exec.missing !== null && isGone(exec.missing, exec.id)) exec.lost(reset);
    }
  }

  #peerOpened(request: OpenRequest, stream: Stream): void {
    if (request.kind === "listen.accepted") {
      const take = this.#accepting.get(request.of);
      if (take === undefined) stream.reset("CONNECT_REFUSED", "nobody listens here any more");
      else take(acceptedPort(stream, request.from));
      return;
    }
    const exec = request.kind === "exec.stderr" ? this.#execs.get(request.of) : undefined;
    // Its id may have been named for another command, in a timeline that is gone.
    this.#missStderr((id, of) => id === stream.id && of !== exec?.id);
    if (exec === undefined) stream.reset("REFUSED", `a client serves no ${request.kind}`);
    else exec.joinStderr(stream);
  }

  #assertOpen(): void {
    if (this.#phase.kind !== "ended") return;
    throw this.#phase.error ?? new HubError("LinkLost", "this channel was closed");
  }
}
