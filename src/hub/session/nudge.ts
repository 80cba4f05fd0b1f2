/**
 * The shell text that launches, nudges and seeks the driver inside a sandbox, and how its answer is
 * read.
 * Pure. Written for any /bin/sh: exec feeds it on the shell's stdin, so nothing in it may read
 * stdin, and nothing it leaves behind may hold stdout.
 */
import { limits } from "../../base/limits.ts";
import { quote } from "../../base/shell-quote.ts";

/** Inside the sandbox, below the user's home. */
export const DRIVER_DIR = ".holdfast";

export const driverFiles = (dir: string) =>
  ({
    bundle: `${dir}/driver.cjs`,
    config: `${dir}/driver.json`,
    ready: `${dir}/ready.json`,
    log: `${dir}/driver.log`,
    output: `${dir}/driver.out`,
    ticket: `${dir}/ticket`,
  }) as const;

/** Exit codes of both scripts; everything else is the shell's own. */
const EXIT_DEAD = 3;
const EXIT_NO_RUNTIME = 4;
const EXIT_NO_DIR = 5;
const EXIT_OTHER_BYTES = 6;

/** Reads pid and start ticks from the ready file to $p and $t; sets $a when that process lives. */
const FIND_DRIVER = (ready: string): string => `
r=${quote(ready)}; p=; t=; a=
if [ -r "$r" ]; then
  p=$(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p' "$r" | head -n 1)
  t=$(sed -n 's/.*"startTicks": *"\\([0-9]*\\)".*/\\1/p' "$r" | head -n 1)
fi
if [ -n "$p" ] && [ -r "/proc/$p/stat" ]; then
  set -- $(sed 's/.*) //' "/proc/$p/stat" 2>/dev/null)
  [ "$1" != Z ] && [ "\${20}" = "$t" ] && a=1
fi`;

/**
 * SIGUSR1 to the driver that its ready file names, and to no other process. One that is live in a
 * later epoch than `epochIssued` came by itself while the nudge was on its way, and is left alone.
 * A ticket that cannot be written hinders no nudge: it only hastens what a ping decides without it.
 */
export function nudgeCommand(dir: string, ticket: string, epochIssued: number): string {
  const files = driverFiles(dir);
  return `${FIND_DRIVER(files.ready)}
e=$(sed -n 's/.*"epoch": *\\([0-9]*\\), *"state": *"live".*/\\1/p' "$r" 2>/dev/null)
if [ -n "$a" ] && [ "\${e:-0}" -gt ${epochIssued} ] 2>/dev/null; then
  echo "not signalled: live in epoch $e by now"; exit 0
fi
[ -n "$a" ] && (umask 077; printf %s ${quote(ticket)} >${quote(files.ticket)}) 2>/dev/null
if [ -z "$a" ]; then echo "no living driver (ready file: \${p:-none})"; exit ${EXIT_DEAD}; fi
kill -USR1 "$p" && echo "signalled $p"`;
}

const SEEK_MARK = "holdfast-seek:";
/** A driver that dials says so at each dial and each end of one: this is three of them. */
const DIALLING_S = (3 * limits.DIAL_MS_MAX) / 1_000;

/**
 * What the living driver wrote of itself, whether it knows `url`, and the time there in s. A shell
 * alone: many sandboxes are asked at once, on machines that have too much to do already.
 */
export function seekCommand(dir: string, url: string): string {
  const files = driverFiles(dir);
  return `${FIND_DRIVER(files.ready)}
[ -n "$a" ] || exit ${EXIT_DEAD}
grep -qF ${quote(JSON.stringify(url))} ${quote(files.config)} && k=known || k=unknown
echo "${SEEK_MARK} $(date +%s) $k $(head -n 1 "$r")"`;
}

/** What a living driver told of its dials. */
export interface SeekAnswer {
  /** It said within the last ones that it dials this hub. */
  readonly dialling: boolean;
  /** What it met last at this hub's address. */
  readonly met: string | null;
}

export function readSeekAnswer(output: string, url: string): SeekAnswer {
  const line = output.split("\n").find((text) => text.startsWith(SEEK_MARK));
  const [, now, known, json] = /^\S+ (\d+) (\w+) (\{.*\})$/.exec(line ?? "") ?? [];
  if (json === undefined) return { dialling: false, met: null };
  const { state, at, lastError, lastUrl } = readReadiness(json);
  const isRecent = typeof at === "number" && Number(now) - at / 1_000 < DIALLING_S;
  const isOfThis = typeof lastError === "string" && (lastUrl ?? url) === url;
  return {
    dialling: known === "known" && state === "dialling" && isRecent,
    met: isOfThis ? lastError : null,
  };
}

/** Inside, anybody may have written anything. */
function readReadiness(json: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(json) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/** Bytes that are not the hub's are not run; where nothing can count them, nobody is asked. */
const CHECK_BUNDLE = (bundle: string, sha256: string): string => `
if command -v sha256sum >/dev/null 2>&1; then
  h=$(sha256sum <${quote(bundle)}); h=\${h%% *}
  if [ -n "$h" ] && [ "$h" != ${sha256} ]; then
    echo "the driver has other bytes inside than at the hub: SHA-256 $h"; exit ${EXIT_OTHER_BYTES}
  fi
fi`;

/** Starts the uploaded driver detached, after ending one that still runs. */
export function launchCommand(dir: string, sha256: string | null = null): string {
  const files = driverFiles(dir);
  return `${FIND_DRIVER(files.ready)}
cd ${quote(dir)} || exit ${EXIT_NO_DIR}${sha256 === null ? "" : CHECK_BUNDLE(files.bundle, sha256)}
if [ -n "$a" ]; then kill -9 "$p" 2>/dev/null; fi
rm -f ${quote(files.ready)}
n=
for c in node nodejs bun /opt/holdfast/bin/node; do
  if command -v "$c" >/dev/null 2>&1; then n=$c; break; fi
done
if [ -z "$n" ]; then echo "neither node nor bun is in PATH ($PATH)"; exit ${EXIT_NO_RUNTIME}; fi
s=; command -v setsid >/dev/null 2>&1 && s=setsid
nohup $s "$n" ${quote(files.bundle)} ${quote(files.config)} >${quote(files.output)} 2>&1 </dev/null &
echo "launched by $n"`;
}

export type NudgeAnswer = "signalled" | "driver-dead" | "failed";

export function readNudgeAnswer(exitCode: number): NudgeAnswer {
  if (exitCode === 0) return "signalled";
  return exitCode === EXIT_DEAD ? "driver-dead" : "failed";
}

export type LaunchAnswer = "launched" | "no-runtime" | "failed";

export function readLaunchAnswer(exitCode: number): LaunchAnswer {
  if (exitCode === 0) return "launched";
  return exitCode === EXIT_NO_RUNTIME ? "no-runtime" : "failed";
}
