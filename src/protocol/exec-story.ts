/** What became of a command that was started before under the same key, in words. Pure. */
import type { ExecStatus } from "./services.ts";

/** Follows "it": "ran and ended with code 0, 5 bytes of stdout and 0 bytes of stderr". */
export function execStory(status: ExecStatus): string {
  switch (status.state) {
    case "never-ran":
      return "did not run";
    case "lost":
      return "ran, and how it ended is not known: the driver died before it did";
    case "running":
      return `runs as pid ${status.pid ?? "?"}, ${written(status)} so far`;
    case "exited": {
      const how = status.signal ?? `code ${status.code ?? "?"}`;
      return `ran and ended with ${how}, ${written(status)}`;
    }
  }
}

function written(bytes: { readonly stdoutBytes: number; readonly stderrBytes: number }): string {
  return `${bytes.stdoutBytes} bytes of stdout and ${bytes.stderrBytes} of stderr`;
}
