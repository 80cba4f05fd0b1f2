/**
 * `holdfast exec`: a command in a session as if it ran here: stdin, stdout, stderr, ^C and exit
 * code are its own. What is not its own ends with 255 (connection), 124 (time) or 6 (session).
 */
import type { ExecStream, Exit, TakeBytes } from "../../client/exec-stream.ts";
import { HubError } from "../../base/hub-error.ts";
import {
  EXIT_BROKEN_PIPE,
  exitCodeOf,
  isInputPiped,
  pumpInput,
  whenUnread,
  writeTo,
} from "../byte-pump.ts";
import { flagOption, note, printJson, textOption, usageError, type Cli, type Run } from "../cli.ts";
import { tellStory } from "../exec-story.ts";
import { timeLimit } from "../follow.ts";
import { keyValues } from "../key-values.ts";
import { tellInLines } from "../link-status.ts";
import { attachSession } from "../session-link.ts";

/** After ^C a command has this long to clean up; a second ^C ends the wait. */
const INTERRUPT_GRACE_MS = 5_000;
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143, SIGPIPE: EXIT_BROKEN_PIPE } as const;

export const run: Run = async (cli, [name = "", ...argv]) => {
  if (argv[0] === "") throw usageError("the command has no name", `holdfast exec ${name} -- true`);
  const limitMs = timeLimit(cli);
  const env = keyValues(cli, "env");
  const cwd = textOption(cli, "cwd");
  const key = textOption(cli, "key");
  const link = await attachSession(cli, name);
  const stopTelling = tellInLines(cli, link.channel);
  try {
    const output = outputs(cli);
    const exec = link.channel.exec({
      argv,
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === null ? {} : { env }),
      ...(key === undefined ? {} : { key }),
      onStdout: output.onStdout,
      onStderr: output.onStderr,
    });
    const stopInput = forwardInput(cli, exec);
    const interrupt = forwardSignals(cli, exec);
    try {
      const ways = [exec.exit.then(exitCodeOf), interrupt.gaveUp];
      if (limitMs !== null) ways.push(timeIsUp(exec, argv, limitMs));
      const exitCode = await Promise.race(ways);
      const final = interrupt.exitCode() ?? exitCode;
      if (cli.json)
        printJson(cli, { ...output.collected(), ...(await ended(exec)), exitCode: final });
      return final;
    } finally {
      interrupt.close();
      stopInput();
    }
  } catch (error) {
    const known = error instanceof HubError && error.code === "CommandKnown";
    if (key === undefined || !known) throw error;
    return tellStory(cli, key, await link.channel.execStatus(key));
  } finally {
    stopTelling();
    if (link.channel.phase.kind === "waiting") note(cli, MAY_STILL_RUN);
    link.close();
  }
};

const MAY_STILL_RUN = "holdfast: the session could not be reached; the command may still run in it";

interface Outputs {
  readonly onStdout: TakeBytes;
  readonly onStderr: TakeBytes;
  readonly collected: () => { stdout: string; stderr: string };
}

/** Straight through; under --json kept, to be one value in the end. */
function outputs(cli: Cli): Outputs {
  const kept = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const text = (parts: Uint8Array[]): string => Buffer.concat(parts).toString("utf8");
  return {
    onStdout: (bytes) =>
      cli.json ? void kept.stdout.push(bytes.slice()) : writeTo(cli.stdout, bytes),
    onStderr: (bytes) =>
      cli.json ? void kept.stderr.push(bytes.slice()) : writeTo(cli.stderr, bytes),
    collected: () => ({ stdout: text(kept.stdout), stderr: text(kept.stderr) }),
  };
}

/** Without input the command gets the end of its stdin at once, as from /dev/null. */
function forwardInput(cli: Cli, exec: ExecStream): () => void {
  if (!flagOption(cli, "stdin") && !isInputPiped(cli.stdin)) {
    exec.stdin.end();
    return () => undefined;
  }
  // A command that reads no more (head) is no failure; the exit tells how it went.
  return pumpInput(cli.stdin, exec.stdin, () => exec.stdin.end());
}

interface SignalForwarding {
  /** 130, 141 or 143 once a signal was passed on. */
  exitCode(): number | null;
  readonly gaveUp: Promise<number>;
  close(): void;
}

/** The end of who reads is the signal that it is to a command of this machine. */
function forwardSignals(cli: Cli, exec: ExecStream): SignalForwarding {
  let code: number | null = null;
  let timer: NodeJS.Timeout | undefined;
  const { promise: gaveUp, resolve: giveUp } = Promise.withResolvers<number>();
  const pass = (signal: keyof typeof EXIT_CODES): void => {
    const again = code !== null;
    const exitCode = (code = EXIT_CODES[signal]);
    if (again) {
      exec.cancel();
      giveUp(exitCode);
      return;
    }
    exec.signal(signal);
    timer = setTimeout(() => giveUp(exitCode), INTERRUPT_GRACE_MS);
  };
  whenUnread([cli.stdout, cli.stderr], () => pass("SIGPIPE"));
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const listeners = signals.map((signal) => ({ signal, listener: () => pass(signal) }));
  for (const { signal, listener } of listeners) process.on(signal, listener);
  return {
    exitCode: () => code,
    gaveUp,
    close() {
      clearTimeout(timer);
      for (const { signal, listener } of listeners) process.off(signal, listener);
    },
  };
}

function timeIsUp(exec: ExecStream, argv: readonly string[], limitMs: number): Promise<never> {
  return new Promise((_, reject) => {
    const timer = setTimeout(() => {
      exec.signal("SIGKILL");
      exec.cancel();
      const message = `${argv[0] ?? ""} ran longer than ${limitMs / 1_000} s and was killed`;
      reject(new HubError("WaitTimeout", message, { hint: "Give it a longer --timeout." }));
    }, limitMs);
    const clear = (): void => clearTimeout(timer);
    exec.exit.then(clear, clear);
  });
}

/** How it ended; after a ^C that the command ignored it has not. */
async function ended(exec: ExecStream): Promise<Exit | { code: null; signal: null }> {
  return Promise.race([exec.exit, Promise.resolve({ code: null, signal: null })]);
}
