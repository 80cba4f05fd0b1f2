/** What people ask of a session, in their words, and the answer where it is in no state for it. */
import { HubError } from "../../base/hub-error.ts";
import type { Desired, SessionRecord } from "../../store/facts.ts";

export type OperatorAct =
  "operator.paused" | "operator.resumed" | "operator.retried" | "operator.removed";

/** What it wants of the session from then on, and the words for it before and after. */
export const operatorWishes: Readonly<
  Record<OperatorAct, { readonly desired: Desired; readonly verb: string; readonly done: string }>
> = {
  "operator.paused": { desired: "suspended", verb: "pause", done: "paused" },
  "operator.resumed": { desired: "connected", verb: "resume", done: "resumed" },
  "operator.retried": { desired: "connected", verb: "retry", done: "retried" },
  "operator.removed": { desired: "ended", verb: "remove", done: "removed" },
};

export function whyNotNow(act: OperatorAct, { name, detail, state }: SessionRecord): HubError {
  if (state === "suspended" && act === "operator.paused") {
    return new HubError("SessionSuspended", `session ${name} is suspended already`);
  }
  const { verb } = operatorWishes[act];
  return new HubError("StateConflict", `cannot ${verb} session ${name}: it is ${detail}`);
}
