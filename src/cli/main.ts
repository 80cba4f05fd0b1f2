/** Entry of the `holdfast` command: the only file of the CLI that touches the process itself. */
import { EXIT_BROKEN_PIPE } from "./byte-pump.ts";
import { runProgram } from "./program.ts";

for (const output of [process.stdout, process.stderr]) {
  output.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? EXIT_BROKEN_PIPE : 1);
  });
}

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
