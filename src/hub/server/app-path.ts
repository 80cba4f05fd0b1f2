/** The paths of the API below which a session's app is served. Pure. */
import type { IncomingMessage } from "node:http";

/** What follows is the app's own path. */
const APP_PATH = /^\/v1\/sessions\/[^/?]+\/ports\/[^/?]+\/http(?=[/?]|$)/;

/** Whether the body is an app's: such a one is neither read nor timed by the API. */
export function isForApp(request: Pick<IncomingMessage, "url">): boolean {
  return appPrefixOf(request) !== "";
}

/** What stands before the app's own path; empty for a path of the API. */
export function appPrefixOf({ url = "" }: Pick<IncomingMessage, "url">): string {
  return APP_PATH.exec(url)?.[0] ?? "";
}
