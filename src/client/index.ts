/** The client runtime: browser-safe. Node programs may add `connectNode` from `./node.ts`. */
export { openHub, type Hub, type HubOptions, type WaitOptions } from "./hub.ts";
export { run, type RunOptions, type RunResult } from "./run.ts";
export type {
  CodeRequest,
  CommandRequest,
  WorkArtifact,
  WorkAttempt,
  WorkOptions,
  WorkResult,
} from "./work.ts";
export { WorkError } from "./work-error.ts";
export { createApi, type Api, type ApiOptions, type SessionAction } from "./api.ts";
export type { EventStreamOptions } from "./api-events.ts";
export type {
  Activity,
  Health,
  HubEvent,
  LadderPlan,
  NewSession,
  PlatformReport,
  Session,
  SessionError,
  SessionPage,
  SessionState,
} from "./api-types.ts";
export {
  connectHub,
  type ConnectionState,
  type ConnectOptions,
  type HubConnection,
} from "./hub-connection.ts";
export type { AttachOptions, ChannelPhase, Service, SessionChannel } from "./session-channel.ts";
export type { ExecRequest, ExecStream, Exit, TakeBytes } from "./exec-stream.ts";
export {
  openMessageServer,
  type MessageServer,
  type MessageServerRequest,
} from "./message-server.ts";
export {
  openNamedServer,
  type NamedServer,
  type NamedServerEnd,
  type NamedServerRequest,
  type OpenedServer,
} from "./named-server.ts";
export type {
  OpenedTerminal,
  TerminalLookRequest,
  TerminalRequest,
  TerminalStream,
} from "./terminal-stream.ts";
export type { FileWatch, SessionFiles } from "./session-files.ts";
export type { Digest, FileReading, OpenedReading, ReadRequest } from "./file-reading.ts";
export type { FileWriting, WriteRequest } from "./file-writing.ts";
export type {
  AcceptedPort,
  ListenRequest,
  PortEvents,
  PortListener,
  PortStream,
  PortTarget,
} from "./port-stream.ts";
export { portWebStreams, type PortWebStreams } from "./port-web-streams.ts";
export type { FileChange, FileInfo } from "../protocol/file-services.ts";
export type { ExecStatus, TerminalInfo } from "../protocol/services.ts";
export { dialBrowser, wakeWithPage } from "./browser.ts";
export { HubError } from "../base/hub-error.ts";
