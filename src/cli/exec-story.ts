/** What became of a command that was started before under the same key. */
import type { ExecStatus } from "../client/index.ts";
import { execStory } from "../protocol/exec-story.ts";
import { exitCodeOf } from "./byte-pump.ts";
import { note, printJson, type Cli } from "./cli.ts";

/** It has no exit code of its own (yet). */
const EXIT_UNKNOWN = 1;

/** Says it, and returns the exit code: the command's own when it has one. */
export function tellStory(cli: Cli, key: string, status: ExecStatus): number {
  const exitCode = status.state === "exited" ? exitCodeOf(status) : EXIT_UNKNOWN;
  if (cli.json) printJson(cli, { key, ...status, exitCode });
  else note(cli, `holdfast: nothing was started: ${key} ${execStory(status)}`);
  return exitCode;
}
