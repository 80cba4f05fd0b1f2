/**
 * `holdfast cp`: files and directories into a session or out of it, as `cp -a` does. It goes on
 * over dead hubs, cut lines, frozen and restarted drivers, and is right by SHA-256 or not there.
 */
import { stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { counted } from "../../base/counted.ts";
import { HubError } from "../../base/hub-error.ts";
import { quote } from "../../base/shell-quote.ts";
import type { LastingChannel } from "../../client/lasting-channel.ts";
import { downloadTree, uploadTree, type TreeCopy } from "../../client/node.ts";
import { note, printJson, type Cli, type Run } from "../cli.ts";
import { copyPlan, finalPlace, type CopyPlan } from "../copy-places.ts";
import { openProgress } from "../copy-progress.ts";
import { listenForEnd } from "../end-signals.ts";
import { tellInLines } from "../link-status.ts";
import { bytesText } from "../../base/bytes-text.ts";
import { formatDuration } from "../render/durations.ts";
import { attachLastingly } from "../session-link.ts";

const EXIT_INCOMPLETE = 1;
const PROBLEMS_SHOWN = 20;

export const run: Run = async (cli, [source = "", target = ""]) => {
  const plan = copyPlan(source, target);
  const end = listenForEnd();
  const link = await attachLastingly(cli, plan.session);
  const { lasting } = link;
  const stopTelling = tellInLines(cli, lasting);
  const progress = openProgress(cli);
  const beganAtMs = performance.now();
  try {
    const places = await resolvePlaces(cli, plan, lasting);
    const copy = plan.direction === "up" ? uploadTree : downloadTree;
    const done = await copy(lasting, places, {
      signal: end.signal,
      onTotal: ({ bytes }) => progress.total(bytes),
      onProgress: (bytes, path) => progress.at(bytes, path === "" ? places.from : path),
    });
    progress.close();
    report(cli, done, places, performance.now() - beganAtMs);
    return done.failed.length === 0 ? 0 : EXIT_INCOMPLETE;
  } catch (error) {
    const exitCode = end.exitCode();
    if (exitCode === null) throw error;
    progress.close();
    note(cli, "holdfast: stopped; what came whole stays, and nothing of unfinished files");
    return exitCode;
  } finally {
    progress.close();
    stopTelling();
    end.close();
    link.close();
  }
};

interface Places {
  readonly from: string;
  readonly to: string;
}

async function resolvePlaces(
  cli: Cli,
  { session, direction, from, to }: CopyPlan,
  lasting: LastingChannel,
): Promise<Places> {
  const here = (path: string): string => (isAbsolute(path) ? path : join(cli.cwd, path));
  if (direction === "up") {
    const isDirectory = await lasting.work(({ files }) => isRemoteDirectory(files, session, to));
    return {
      from: here(from),
      to: finalPlace({ from: namedLike(from, here(from)), to }, isDirectory),
    };
  }
  const info = await lasting.work(({ files }) => files.stat(from));
  const named = namedLike(from, info.path);
  return { from, to: here(finalPlace({ from: named, to }, await isLocalDirectory(here(to), to))) };
}

/** The home has a name, too. */
function namedLike(path: string, whole: string): string {
  return path === "" || path === "~" ? whole : path;
}

async function isRemoteDirectory(
  files: { stat(path: string): Promise<{ readonly kind: string }> },
  session: string,
  path: string,
): Promise<boolean> {
  try {
    const { kind } = await files.stat(path);
    if (kind !== "directory" && path.endsWith("/")) throw notADirectory(path, kind);
    return kind === "directory";
  } catch (error) {
    const missing = error instanceof HubError && error.code === "FileMissing";
    if (!missing) throw error;
    if (!path.endsWith("/")) return false;
    const hint = `\`holdfast exec ${session} -- mkdir -p ${inShell(path)}\` makes it.`;
    throw new HubError(error.code, error.message, { hint, cause: error });
  }
}

function inShell(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : quote(path);
}

async function isLocalDirectory(whole: string, path: string): Promise<boolean> {
  // A missing one is a new name; everything else is told when it is written to.
  const stats = await stat(whole).catch(() => null);
  if (stats?.isDirectory() === true) return true;
  if (path.endsWith("/")) throw notADirectory(path, stats === null ? "missing" : "a file");
  return false;
}

function notADirectory(path: string, kind: string): HubError {
  return new HubError("FileKindWrong", `${path} is ${kind}, and ends like a directory`);
}

function report(cli: Cli, done: TreeCopy, places: Places, tookMs: number): void {
  const { files, directories, symlinks, bytes, skipped, failed, sha256 } = done;
  if (cli.json) {
    printJson(cli, {
      ...places,
      files,
      directories,
      symlinks,
      bytes,
      ...(sha256 !== null && { sha256 }),
      skipped,
      failed: failed.map(({ path, error }) => ({ path, code: error.code, message: error.message })),
      tookMs: Math.round(tookMs),
    });
    return;
  }
  const problems = [
    ...failed.map(({ error }) => `failed: ${error.message}`),
    ...skipped.map(({ path, reason }) => `skipped: ${path}: ${reason}`),
  ];
  for (const line of problems.slice(0, PROBLEMS_SHOWN)) note(cli, `holdfast: ${line}`);
  const more = problems.length - PROBLEMS_SHOWN;
  if (more > 0) note(cli, `holdfast: and ${more} more; --json has all`);
  if (!cli.stderr.isTTY) return;
  const rate = `${bytesText(bytes / (tookMs / 1_000))}/s`;
  const what = `${counted(files, "file")}, ${bytesText(bytes)}`;
  note(cli, `copied ${what} in ${formatDuration(tookMs)} (${rate}), verified by SHA-256`);
}
