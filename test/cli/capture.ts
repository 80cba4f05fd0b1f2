/** Streams that remember what a command wrote, in place of the process's own. */
import { PassThrough } from "node:stream";
import { runProgram } from "../../src/cli/program.ts";
import type { CliStreams } from "../../src/cli/cli.ts";

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Captured {
  readonly streams: CliStreams;
  stdout(): string;
  stderr(): string;
}

export function captureStreams(env: Record<string, string> = {}): Captured {
  const stdout = collector();
  const stderr = collector();
  const stdin = new PassThrough() as unknown as typeof process.stdin;
  const streams = { env, cwd: "/", stdin, stdout: stdout.stream, stderr: stderr.stream };
  return { streams, stdout: stdout.text, stderr: stderr.text };
}

export async function runCaptured(
  argv: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  const captured = captureStreams(env);
  const exitCode = await runProgram(argv, captured.streams);
  return { exitCode, stdout: captured.stdout(), stderr: captured.stderr() };
}

function collector(): { stream: NodeJS.WriteStream; text: () => string } {
  const stream = new PassThrough();
  let text = "";
  stream.on("data", (bytes: Buffer) => (text += bytes.toString("utf8")));
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => text };
}
