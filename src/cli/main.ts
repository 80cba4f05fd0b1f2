/** Entry of the `holdfast` command: the only file of the CLI that touches the process itself. */
import { existsSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** What a shell reports for a program that wrote to a closed pipe. */
const EXIT_BROKEN_PIPE = 141;

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? EXIT_BROKEN_PIPE : 1);
});

// Compiled code is kept beside the packages, where only who may change the code may write: every
// command starts in half the time. Where nothing can be written it is compiled each time.
const root = fileURLToPath(new URL("../..", import.meta.url));
const packages = /[\\/]node_modules[\\/]/.test(root) ? dirname(root) : `${root}/node_modules`;
if (existsSync(packages)) enableCompileCache(`${packages}/.cache/holdfast`);
const { runProgram } = await import("./program.ts");

const exitCode = await runProgram(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
});

// Output to a pipe is asynchronous: what is still on its way must arrive before the exit, and the
// exit is explicit because an open stdin would keep the process alive.
await Promise.all([drained(process.stdout), drained(process.stderr)]);
process.exit(exitCode);

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0) resolve();
    else stream.write("", () => resolve());
  });
}
