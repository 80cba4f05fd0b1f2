/**
 * `holdfast sh`: the session's shell on this terminal. Keys go through untouched, ^C included; the
 * terminal is put back on every way out.
 */
import type { TerminalStream } from "../../client/terminal-stream.ts";
import { exitCodeOf, pumpInput, writeTo } from "../byte-pump.ts";
import { note, textOption, usageError, type Cli, type Run } from "../cli.ts";
import { tellOnScreen } from "../link-status.ts";
import { attachSession } from "../session-link.ts";

const EXIT_TERMINATED = 143;
/** A ^C is seen only by who reads on; what is pasted is seldom more. */
const PASTE_BYTES_MAX = 16 * 1024 * 1024;
const COLUMNS_FALLBACK = 80;
const ROWS_FALLBACK = 24;
/** Leaves the alternate screen, shows the cursor, ends mouse reports and bracketed paste. */
const CALM_SCREEN = "\u001b[?1049l\u001b[?25h\u001b[?1000l\u001b[?1002l\u001b[?1006l\u001b[?2004l";

export const run: Run = async (cli, [name = ""]) => {
  if (!cli.stdin.isTTY || !cli.stdout.isTTY) {
    throw usageError("a shell needs a terminal on stdin and stdout", `holdfast exec ${name} -- sh`);
  }
  const cwd = textOption(cli, "cwd");
  const term = cli.env["TERM"];
  const link = await attachSession(cli, name);
  try {
    const terminal = link.channel.terminal({
      ...size(cli),
      ...(term === undefined ? {} : { term }),
      ...(cwd === undefined ? {} : { cwd }),
      onData: (bytes) => writeTo(cli.stdout, bytes),
    });
    const { pty } = await terminal.opened;
    if (pty === "pipes") {
      note(cli, "this sandbox has no pty: no colours, no line editing, no ^C (install `script`)");
    }
    const stopTelling = tellOnScreen(cli, link.channel);
    try {
      return await runShell(cli, terminal);
    } finally {
      stopTelling();
    }
  } finally {
    link.close();
  }
};

async function runShell(cli: Cli, terminal: TerminalStream): Promise<number> {
  const restore = rawMode(cli);
  const onResize = (): void => terminal.resize(size(cli));
  cli.stdout.on("resize", onResize);
  const { promise: stopped, resolve: stop } = Promise.withResolvers<number>();
  const onSignal = (): void => stop(EXIT_TERMINATED);
  process.on("SIGTERM", onSignal);
  process.on("SIGHUP", onSignal);
  const sink = { write: (bytes: Uint8Array) => terminal.write(bytes), end: () => terminal.close() };
  const onError = (): void => terminal.close();
  const stopInput = pumpInput(cli.stdin, sink, onError, PASTE_BYTES_MAX);
  try {
    return await Promise.race([terminal.exit.then(exitCodeOf), stopped]);
  } catch (error) {
    // The program on the other side could not clean up after itself.
    cli.stdout.write(`${CALM_SCREEN}\r\n`);
    throw error;
  } finally {
    stopInput();
    restore();
    cli.stdout.off("resize", onResize);
    process.off("SIGTERM", onSignal);
    process.off("SIGHUP", onSignal);
  }
}

/** Every key as it is pressed; the returned function, and the process's end, put it back. */
function rawMode(cli: Cli): () => void {
  const restore = (): void => {
    cli.stdin.setRawMode(false);
  };
  cli.stdin.setRawMode(true);
  process.once("exit", restore);
  return () => {
    process.off("exit", restore);
    restore();
  };
}

/** A terminal that does not know its size (some CI runners) says 0. */
function size(cli: Cli): { cols: number; rows: number } {
  return { cols: cli.stdout.columns || COLUMNS_FALLBACK, rows: cli.stdout.rows || ROWS_FALLBACK };
}
