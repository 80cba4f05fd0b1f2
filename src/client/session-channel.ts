/** An attached session as a program has it. What keeps it over links is attached-channel.ts. */
import type { HubError } from "../base/hub-error.ts";
import type { ExecStatus, TerminalInfo } from "../protocol/services.ts";
import type { Channel } from "../stream/channel.ts";
import type { ChannelPhase } from "./attach-options.ts";
import type { ExecRequest, ExecStream } from "./exec-stream.ts";
import type { SessionFiles } from "./session-files.ts";
import type {
  ListenRequest,
  PortEvents,
  PortListener,
  PortStream,
  PortTarget,
} from "./port-stream.ts";
import type { TerminalLookRequest, TerminalRequest, TerminalStream } from "./terminal-stream.ts";

export type { AttachOptions, ChannelPhase } from "./attach-options.ts";

export type Service<Request, Opened> = (channel: Channel, request: Request) => Opened;

export interface SessionChannel extends AsyncDisposable {
  /** Session id, also when a name was asked for. */
  readonly session: string;
  /** Epoch of the driver that holds the channel, or held it last. */
  readonly epoch: number;
  readonly phase: ChannelPhase;
  /** Calls back with each change, not with the phase of now. Returns a function that ends it. */
  onPhase(listener: (phase: ChannelPhase) => void): () => void;
  /** @throws HubError when the channel has ended. */
  exec(request: ExecRequest): ExecStream;
  /** @throws HubError when the channel has ended. */
  terminal(request: TerminalRequest): TerminalStream;
  /** Looks at a terminal that somebody opened. @throws HubError when the channel has ended. */
  attachTerminal(request: TerminalLookRequest): TerminalStream;
  /** The terminals of the session, also those at which nobody looks. @throws HubError */
  terminals(): Promise<readonly TerminalInfo[]>;
  /**
   * A service that only some need, as `openNamedServer`: who names it brings it along.
   * @throws HubError when the channel has ended.
   */
  open<Request, Opened>(service: Service<Request, Opened>, request: Request): Opened;
  /** What became of a command that was started under a key. @throws HubError */
  execStatus(key: string): Promise<ExecStatus>;
  /** The files of the session. */
  readonly files: SessionFiles;
  /** Connects to a port or a unix socket inside. @throws HubError when the channel has ended. */
  tcp(target: PortTarget, events: PortEvents): PortStream;
  /** Listens inside for as long as the channel lives. @throws HubError when it has ended. */
  listen(request: ListenRequest): PortListener;
  /** Leaves the session: what runs in this channel is hung up. `await using` does the same. */
  close(): void;
  /** Resolves, never rejects, with the reason: `null` when `close` was called. */
  readonly closed: Promise<HubError | null>;
}
