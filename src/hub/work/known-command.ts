/** What became of a command whose key was used before this hub knew of it. */
import { HubError } from "../../base/hub-error.ts";
import { execStory } from "../../protocol/exec-story.ts";
import type { ExecStatus } from "../../protocol/services.ts";

/** Its outputs went to whoever asked first; how it ended is all that its sandbox kept. */
export function knownCommand(status: ExecStatus): HubError {
  const hint = "Its output is not kept. Take another Idempotency-Key to run it again.";
  const message = `nothing was started: under this Idempotency-Key it ${execStory(status)}`;
  return new HubError("CommandKnown", message, { hint });
}
