/** What became of a command whose key was used before this hub knew of it. */
import { HubError } from "../../base/hub-error.ts";
import type { ExecStatus } from "../../protocol/services.ts";

/** Its outputs went to whoever asked first; how it ended is all that its sandbox kept. */
export function knownCommand(status: ExecStatus): HubError {
  const hint = "Its output is not kept. Take another Idempotency-Key to run it again.";
  const message = `nothing was started: under this Idempotency-Key it ${storyOf(status)}`;
  return new HubError("CommandKnown", message, { hint });
}

function storyOf(status: ExecStatus): string {
  switch (status.state) {
    case "never-ran":
      return "did not run";
    case "lost":
      return "ran, and how it ended is not known: the driver died before it did";
    case "running":
      return "runs";
    case "exited": {
      const how = status.signal ?? `code ${status.code ?? "?"}`;
      const { stdoutBytes, stderrBytes } = status;
      return `ran and ended with ${how}, ${stdoutBytes} bytes of stdout and ${stderrBytes} of stderr`;
    }
  }
}
