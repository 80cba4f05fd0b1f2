/** The client runtime: browser-safe. Node programs add `dialNode` from `./node.ts`. */
export { connectHub, type ConnectOptions, type HubConnection } from "./hub-connection.ts";
export type { SessionChannel } from "./session-channel.ts";
export type { ExecRequest, ExecStream, Exit, TakeBytes } from "./exec-stream.ts";
export type { TerminalRequest, TerminalStream } from "./terminal-stream.ts";
export { dialBrowser } from "./browser.ts";
export { HubError } from "../base/hub-error.ts";
