/** What became of a command that was started before under the same key. */
import type { ExecStatus } from "../client/index.ts";
import { exitCodeOf } from "./byte-pump.ts";
import { note, printJson, type Cli } from "./cli.ts";

/** It has no exit code of its own (yet). */
const EXIT_UNKNOWN = 1;

/** Says it, and returns the exit code: the command's own when it has one. */
export function tellStory(cli: Cli, key: string, status: ExecStatus): number {
  const exitCode = status.state === "exited" ? exitCodeOf(status) : EXIT_UNKNOWN;
  if (cli.json) printJson(cli, { key, ...status, exitCode });
  else note(cli, `holdfast: nothing was started: ${key} ${sentence(status)}`);
  return exitCode;
}

function sentence(status: ExecStatus): string {
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
