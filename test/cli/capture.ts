/** Streams that remember what a command wrote, in place of the process's own. */
import { PassThrough } from "node:stream";
import { runProgram } from "../../src/cli/program.ts";

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runCaptured(
  argv: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  const stdout = collector();
  const stderr = collector();
  const exitCode = await runProgram(argv, {
    env,
    cwd: "/",
    stdin: new PassThrough() as unknown as typeof process.stdin,
    stdout: stdout.stream,
    stderr: stderr.stream,
  });
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

function collector(): { stream: NodeJS.WriteStream; text: () => string } {
  const stream = new PassThrough();
  let text = "";
  stream.on("data", (bytes: Buffer) => (text += bytes.toString("utf8")));
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => text };
}
