/**
 * Proves from inside the sandbox that commands run and that files can be written: a shell echoes
 * a nonce, a file with the nonce is written, listed, read, renamed and removed. Answers one JSON.
 */
import { execFile } from "node:child_process";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { withDeadline } from "../../base/deadline.ts";
import { limits } from "../../base/limits.ts";
import { encodeJson } from "../../protocol/bodies.ts";
import type { OpenProbe, ProbeAnswer } from "../../protocol/services.ts";
import type { Stream } from "../../stream/stream.ts";
import { codeOf } from "./process-group.ts";

/** A check that takes longer has failed; the answer still says which one did not return. */
const PROBE_TIMEOUT_MS = limits.INSIDE_PROBE_MS;

type Finding = ProbeAnswer["exec"];

/** A system's own words may be long; the beginning tells. */
const DETAIL_CHARS_MAX = 400;

export interface ProbeContext {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string>>;
  readonly home: string;
}

/**
 * When the checks began that have not returned. A filesystem call on a dead mount never does and
 * keeps a thread, of which there are four; so none is sent while an old one hangs.
 */
const running = new Set<{ readonly sinceMs: number }>();

export function openProbe(request: OpenProbe, stream: Stream, context: ProbeContext): void {
  stream.listen({ onBytes: () => undefined });
  stream.accept({}, 0);
  const { clock } = context;
  void Promise.all([
    timed(clock, (signal) => echoNonce(request.nonce, context, signal)),
    timed(clock, () => guardedFileCheck(request.nonce, context)),
  ]).then(([exec, filesystem]) => {
    stream.write(encodeJson({ exec, filesystem }));
    stream.end();
  });
}

async function timed(
  clock: Clock,
  check: (signal: AbortSignal) => Promise<string>,
): Promise<Finding> {
  const startMs = clock.mono();
  const finding = (ok: boolean, detail: string, code: string | null): Finding => {
    const latencyMs = Math.round((clock.mono() - startMs) * 10) / 10;
    return { ok, latencyMs, detail: detail.slice(0, DETAIL_CHARS_MAX), code };
  };
  const late = (): Error => withCode(`no answer within ${PROBE_TIMEOUT_MS} ms`, "TIMEOUT");
  try {
    return finding(true, await withDeadline(clock, PROBE_TIMEOUT_MS, check, late), null);
  } catch (error) {
    return finding(false, error instanceof Error ? error.message : String(error), codeOf(error));
  }
}

function echoNonce(
  nonce: string,
  { env, home }: ProbeContext,
  signal: AbortSignal,
): Promise<string> {
  const args = ["-c", 'echo "$1"', "sh", nonce];
  const options = { env: { ...env }, cwd: home, signal } as const;
  return new Promise((resolve, reject) => {
    execFile("/bin/sh", args, { ...options, killSignal: "SIGKILL" }, (error, stdout) => {
      if (error !== null) reject(withCode(error.message, String(error.code ?? error.signal)));
      else if (stdout.trim() === nonce) resolve("/bin/sh echoed the nonce");
      else reject(mismatch("/bin/sh did not echo the nonce"));
    });
  });
}

async function guardedFileCheck(nonce: string, context: ProbeContext): Promise<string> {
  const nowMs = context.clock.mono();
  for (const { sinceMs } of running) {
    const hungMs = Math.round(nowMs - sinceMs);
    if (hungMs < PROBE_TIMEOUT_MS) continue;
    throw withCode(`an earlier check has not returned for ${hungMs} ms`, "STUCK");
  }
  const check = { sinceMs: nowMs };
  running.add(check);
  try {
    return await checkFiles(nonce, context.home);
  } finally {
    running.delete(check);
  }
}

async function checkFiles(nonce: string, home: string): Promise<string> {
  const name = `.holdfast-probe-${nonce.replaceAll(/[^A-Za-z0-9_-]/g, "_")}`;
  const first = join(home, name);
  const second = `${first}.moved`;
  try {
    await writeFile(first, nonce, { mode: 0o600, flush: true });
    if (!(await readdir(home)).includes(name)) throw mismatch(`${first} is not in its directory`);
    await rename(first, second);
    const content = await readFile(second, "utf8");
    if (content !== nonce) throw mismatch(`${second} does not hold what was written`);
    await rm(second);
    return `wrote, listed, renamed, read and removed a file in ${home}`;
  } catch (error) {
    // The cleaning may fail for the same reason; the first error is the one that tells.
    await Promise.allSettled([rm(first, { force: true }), rm(second, { force: true })]);
    throw error;
  }
}

function mismatch(message: string): Error {
  return withCode(message, "MISMATCH");
}

function withCode(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}
