/** The client runtime: browser-safe. Node programs add `dialNode` from `./node.ts`. */
export {
  connectHub,
  type ConnectionState,
  type ConnectOptions,
  type HubConnection,
} from "./hub-connection.ts";
export type { AttachOptions, ChannelPhase, SessionChannel } from "./session-channel.ts";
export type { ExecRequest, ExecStream, Exit, TakeBytes } from "./exec-stream.ts";
export type {
  OpenedTerminal,
  TerminalLookRequest,
  TerminalRequest,
  TerminalStream,
} from "./terminal-stream.ts";
export type { ExecStatus, TerminalInfo } from "../protocol/services.ts";
export { dialBrowser, wakeWithPage } from "./browser.ts";
export { HubError } from "../base/hub-error.ts";
