/**
 * `holdfast code`: a file of code, or stdin, in a session. Outputs come as they are written, the
 * exit code is the code's own; what the session did wrong is told apart from what the code did.
 */
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { HubError } from "../../base/hub-error.ts";
import type { WorkAttempt, WorkResult } from "../../client/work.ts";
import { exitCodeOf, writeTo } from "../byte-pump.ts";
import { flagOption, note, printJson, textOption, usageError, type Cli, type Run } from "../cli.ts";
import { connectApi } from "../connection.ts";
import { listenForEnd } from "../end-signals.ts";
import { timeLimit } from "../follow.ts";
import { keyValues } from "../key-values.ts";

const EXIT_TIMED_OUT = 124;
/** The outputs went through; enough is kept to find the line of an error. */
const KEPT_BYTES = 64 * 1024;
const RETRIES_MAX = 10;

const LANGUAGES: Readonly<Record<string, string>> = {
  ".py": "python",
  ".js": "javascript",
  ".mjs": "javascript",
  ".cjs": "javascript",
  ".ts": "typescript",
  ".mts": "typescript",
  ".sh": "sh",
  ".bash": "bash",
  ".rb": "ruby",
};

export const run: Run = async (cli, [name = "", file = "-"]) => {
  const language = languageOption(cli, file);
  const limitMs = timeLimit(cli);
  const env = keyValues(cli, "env");
  const retries = retriesOption(cli);
  const [cwd, artifacts] = [textOption(cli, "cwd"), textOption(cli, "artifacts")];
  const code = await readCode(cli, file);
  const interrupt = listenForEnd();
  try {
    const request = {
      language,
      code,
      retries,
      restart: flagOption(cli, "restart"),
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === null ? {} : { env }),
      ...(limitMs === null ? {} : { timeoutMs: limitMs }),
      ...(artifacts === undefined ? {} : { artifacts }),
      ...(cli.json ? {} : { outputBytesMax: KEPT_BYTES }),
    };
    const result = await connectApi(cli).code(name, request, {
      signal: interrupt.signal,
      onFailed: (attempt) => tellFailed(cli, attempt),
      ...(cli.json ? {} : live(cli)),
    });
    return tellResult(cli, result);
  } catch (error) {
    // The hub kills it when this end hangs up, which it has.
    const code = interrupt.exitCode();
    if (code === null) throw error;
    return code;
  } finally {
    interrupt.close();
  }
};

function live(cli: Cli) {
  const to = (stream: NodeJS.WriteStream) => (piece: string | Uint8Array) =>
    writeTo(stream, typeof piece === "string" ? Buffer.from(piece) : piece);
  return { onStdout: to(cli.stdout), onStderr: to(cli.stderr) };
}

function tellFailed(cli: Cli, { attempt, code, message }: WorkAttempt): void {
  note(cli, `holdfast: try ${attempt} failed (${code ?? "?"}: ${message ?? ""}); trying again`);
}

function tellResult(cli: Cli, result: WorkResult): number {
  const { exitCode, signal, timedOut, error } = result;
  const code = timedOut ? EXIT_TIMED_OUT : exitCodeOf({ code: exitCode, signal });
  if (cli.json) printJson(cli, { ...result, exitCode: code });
  else if (timedOut) note(cli, `holdfast: ${error ?? ""}`);
  return code;
}

/** @throws HubError that says how to name it. */
function languageOption(cli: Cli, file: string): string {
  const named = textOption(cli, "lang");
  if (named !== undefined) return named;
  const known = LANGUAGES[extname(file).toLowerCase()];
  if (known !== undefined) return known;
  const what = file === "-" ? "code on stdin has no name" : `${file} does not say its language`;
  throw usageError(what, "Name it: --lang python, javascript, typescript, bash, sh or ruby.");
}

function retriesOption(cli: Cli): number {
  const text = textOption(cli, "retries");
  if (text === undefined) return 0;
  const retries = /^\d+$/.test(text) ? Number(text) : NaN;
  if (retries <= RETRIES_MAX) return retries;
  throw usageError(`--retries: ${JSON.stringify(text)} is not 0 to ${RETRIES_MAX}`, "Try 2.");
}

async function readCode(cli: Cli, file: string): Promise<string> {
  if (file === "-") {
    if (cli.stdin.isTTY) note(cli, "reading code from the keyboard; ^D ends it");
    const parts: Buffer[] = [];
    for await (const part of cli.stdin) parts.push(part as Buffer);
    return Buffer.concat(parts).toString("utf8");
  }
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new HubError("BadRequest", `${file} cannot be read: ${said}`, { cause });
  }
}
