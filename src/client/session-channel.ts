/** An attached session: starts commands and terminals in it until either side leaves. */
import { HubError } from "../base/hub-error.ts";
import type { Frame } from "../protocol/frame.ts";
import type { OpenRequest } from "../protocol/services.ts";
import { Channel } from "../stream/channel.ts";
import type { Egress } from "../stream/egress.ts";
import type { Stream } from "../stream/stream.ts";
import { openExec, type ExecRequest, type ExecStream, type OpenedExec } from "./exec-stream.ts";
import { createOutcome } from "./outcome.ts";
import { openTerminal, type TerminalRequest, type TerminalStream } from "./terminal-stream.ts";

export interface SessionChannel {
  /** Session id, also when a name was asked for. */
  readonly session: string;
  readonly epoch: number;
  /** @throws HubError when the channel has closed. */
  exec(request: ExecRequest): ExecStream;
  /** @throws HubError when the channel has closed. */
  terminal(request: TerminalRequest): TerminalStream;
  /** Leaves the session: what runs in this channel is hung up. */
  close(): void;
  /** Resolves, never rejects, with the reason: `null` when `close` was called. */
  readonly closed: Promise<HubError | null>;
}

export class AttachedChannel implements SessionChannel {
  readonly session: string;
  readonly epoch: number;
  readonly route: number;
  readonly #channel: Channel;
  readonly #onClose: () => void;
  readonly #closed = createOutcome<HubError | null>();
  /** Commands whose stderr stream may still be opened by the driver. */
  readonly #execs = new Map<number, OpenedExec>();
  #end: HubError | "left" | null = null;

  constructor(
    attached: { session: string; epoch: number; route: number },
    egress: Egress,
    onClose: () => void,
  ) {
    this.session = attached.session;
    this.epoch = attached.epoch;
    this.route = attached.route;
    this.#onClose = onClose;
    this.#channel = new Channel({
      side: "client",
      route: attached.route,
      epoch: attached.epoch,
      egress,
      onOpen: (request, stream) => this.#peerOpened(request, stream),
    });
  }

  get closed(): Promise<HubError | null> {
    return this.#closed.promise;
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

  close(): void {
    if (this.#end !== null) return;
    this.#onClose();
    this.end(null);
  }

  /** The route ended; `error` is null when this side wanted it. */
  end(error: HubError | null): void {
    if (this.#end !== null) return;
    this.#end = error ?? "left";
    const message = error?.message ?? "the client left the session";
    this.#channel.close({ code: error === null ? "CANCELLED" : "DRIVER_GONE", message });
    this.#closed.resolve(error);
  }

  /** @throws ProtocolError */
  receive(frame: Frame): void {
    this.#channel.receive(frame);
  }

  #peerOpened(request: OpenRequest, stream: Stream): void {
    const exec = request.kind === "exec.stderr" ? this.#execs.get(request.of) : undefined;
    if (exec === undefined) stream.reset("REFUSED", `a client serves no ${request.kind}`);
    else exec.joinStderr(stream);
  }

  #assertOpen(): void {
    if (this.#end === null) return;
    if (this.#end !== "left") throw this.#end;
    throw new HubError("LinkLost", "this channel was closed");
  }
}
