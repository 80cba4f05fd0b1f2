/** What can be asked of a session in its state, and the exact call that asks it. Pure. */
import type { Session } from "../client/api-types.ts";

export type Action = "pause" | "resume" | "retry" | "probe" | "remove";

/** In the list, where there is little room. */
export const rowActions: readonly Action[] = ["pause", "resume", "retry", "remove"];
export const actions: readonly Action[] = ["pause", "resume", "retry", "probe", "remove"];

/** Null when the action makes sense now, else the reason, for the button's title. */
export function whyNot(action: Action, session: Pick<Session, "state" | "detail">): string | null {
  const { state, detail } = session;
  if (state === "ended") return "the session was removed";
  switch (action) {
    case "pause":
      return state === "connected" ? null : `only a connected session can be paused`;
    case "resume":
      if (detail === "suspended.paused") return null;
      return state === "suspended" ? "it is still being paused" : "it is not suspended";
    case "probe":
      return state === "connected" ? null : "only a connected session is proven again";
    case "retry":
      return state === "error" ? null : "only a session in error can be retried";
    case "remove":
      return null;
  }
}

/** Whether it ends or halts something that somebody may be using: a person is asked first. */
export function interrupts(action: Action, session: Pick<Session, "sandboxId">): boolean {
  switch (action) {
    case "pause":
    case "remove":
      return true;
    case "retry":
      // Without a sandbox there is nothing that a rung could end.
      return session.sandboxId !== null;
    case "resume":
    case "probe":
      return false;
  }
}

/** Nothing runs, because someone wanted it so. */
export function isAtRest(session: Pick<Session, "state">): boolean {
  return session.state === "suspended" || session.state === "ended";
}

export interface ApiCall {
  readonly method: "POST" | "DELETE";
  readonly path: string;
}

export function callOf(action: Action, session: string): ApiCall {
  const path = `/v1/sessions/${encodeURIComponent(session)}`;
  return action === "remove"
    ? { method: "DELETE", path }
    : { method: "POST", path: `${path}/${action}` };
}

/** The call as a command; the token stays a variable, so that it can be shown and shared. */
export function curlOf(call: ApiCall, hubUrl: string): string {
  return `curl -X ${call.method} -H "Authorization: Bearer $HOLDFAST_TOKEN" ${hubUrl}${call.path}`;
}
