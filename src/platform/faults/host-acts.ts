/**
 * Breaks one sandbox for real: mounts, signals, freezes, limits. Everything is done by the host's
 * own programs, never by one of the sandbox, and each act says how it is taken back. Whether a
 * drill is on is not known here.
 */
import { randomBytes, randomUUID } from "node:crypto";
import {
  chownSync,
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readFileSync,
  statfsSync,
  statSync,
  writeSync,
} from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { uidOf } from "../host.ts";
import type { Host } from "../host.ts";
import { homeOf, unmountRoot } from "../isolation/root-tree.ts";
import { insideHome, insideServices, insideToolbox, PROCESSES_MAX } from "../isolation/tier.ts";
import { identityOf, isAlive } from "../kernel/process-table.ts";
import type { ProcessIdentity } from "../kernel/process-table.ts";
import { run } from "../kernel/run.ts";
import { done, errnoOf, refuse } from "../outcome.ts";
import type { Outcome } from "../outcome.ts";
import { isRunning, pidsOf, setPaused, treeOf } from "../sandbox/processes.ts";
import type { SandboxRecord } from "../sandbox/record.ts";
import type { HostAct } from "./catalogue.ts";
import type { Breakage } from "./drills.ts";

/** A home that is copied onto a full disk is a session's few files, not somebody's data. */
const HOME_BYTES_MAX = 64 * 1024 * 1024;
/** So little that no nonce file fits once the ballast is in. */
const SLACK_BYTES = 256 * 1024;
const ballastName = ".drill-ballast";
const REFILLS = 4;
const REFILL_MS = 250;

type Broken = Promise<Outcome<Breakage | "once">>;

/** Signals one program inside. An end is once, a stop can be taken back. */
export function signalProgram(
  host: Host,
  record: SandboxRecord,
  program: "driver" | "toolbox",
  signal: "SIGKILL" | "SIGSTOP",
): Outcome<Breakage | "once"> {
  const found = programsOf(host, record, program);
  if (found.length === 0) return refuse(409, `no ${program} runs in ${record.name}`);
  for (const { pid } of found) process.kill(pid, signal);
  if (signal === "SIGKILL") return done("once");
  const act = program === "driver" ? "stop-driver" : "stop-daemon";
  return done({
    holds: () => found.some(isAlive),
    undo: () => takeBack(host, record, act),
  });
}

function programsOf(
  host: Host,
  record: SandboxRecord,
  program: "driver" | "toolbox",
): ProcessIdentity[] {
  const marker = program === "driver" ? "/.holdfast/driver.cjs" : insideToolbox;
  return (
    pidsOf(host, record)
      // The script of the interpreter: whoever only passes its name on is not the program.
      .filter((pid) => argumentsOf(pid)[1]?.endsWith(marker) === true)
      .map(identityOf)
      .filter((identity) => identity !== undefined)
  );
}

/** What an act has done, undone by who knows only that it was done. */
export async function takeBack(host: Host, record: SandboxRecord, act: HostAct): Promise<void> {
  if (!isRunning(record)) return;
  switch (act) {
    case "freeze":
      // Somebody may have paused it on purpose meanwhile; that is no longer the drill's freeze.
      if (record.state !== "paused") await setPaused(host, record, false);
      return;
    case "stop-daemon":
    case "stop-driver": {
      const program = act === "stop-daemon" ? "toolbox" : "driver";
      for (const { pid } of programsOf(host, record, program)) process.kill(pid, "SIGCONT");
      return;
    }
    case "remount-home":
    case "fill-home":
      return moveAside(record, insideHome);
    case "cut-services":
      return moveAside(record, insideServices);
    case "limit-processes":
      return limitAll(host, record, PROCESSES_MAX);
    default:
      // What an act has ended, or unmounted from under what runs, only a start brings back.
      return;
  }
}

export function killFirst(record: SandboxRecord): Outcome<"once"> {
  if (record.process === null || !isAlive(record.process)) return notRunning(record);
  process.kill(record.process.pid, "SIGKILL");
  return done("once");
}

/** Nobody has used it for as long as its idle time: the keeper ends that within a second. */
export function runOutIdle(record: SandboxRecord): Outcome<"once"> {
  const idleMinutes = record.autoStopMinutes || record.autoPauseMinutes;
  if (!isRunning(record)) return notRunning(record);
  if (idleMinutes === 0) return refuse(409, `${record.name} has no idle time to run out`);
  record.lastActivityAt = new Date(Date.now() - idleMinutes * 60_000).toISOString();
  return done("once");
}

export function rotateToken(record: SandboxRecord): Outcome<"once"> {
  record.previewToken = randomBytes(24).toString("base64url");
  return done("once");
}

export async function freeze(host: Host, record: SandboxRecord): Broken {
  if (!isRunning(record)) return notRunning(record);
  if (!(await setPaused(host, record, true))) return refuse(500, "the kernel would not freeze it");
  return done(whileSameProcess(record, () => takeBack(host, record, "freeze")));
}

/** It cannot be laid back under what still runs on it: a stop and a start mount it anew. */
export async function unmountMerged(host: Host, record: SandboxRecord): Broken {
  const tree = treeOf(host, record);
  if (tree.kind !== "overlay") return refuse(501, `the root of this platform is no mount`);
  if (!isRunning(record)) return notRunning(record);
  const problem = await unmountRoot(tree);
  if (problem !== undefined) return refuse(500, problem);
  return done(whileSameProcess(record, () => Promise.resolve()));
}

/** Frozen between the two: a file that somebody opens for writing there keeps it writable. */
export async function readOnlyHome(host: Host, record: SandboxRecord): Broken {
  if (!(await setPaused(host, record, true))) return refuse(500, "the kernel would not freeze it");
  try {
    return await mountInside(host, record, insideHome, [
      ["--bind", insideHome, insideHome],
      ["-o", "remount,bind,ro", insideHome],
    ]);
  } finally {
    await setPaused(host, record, false);
  }
}

export async function cutServices(host: Host, record: SandboxRecord): Broken {
  return mountInside(host, record, insideServices, [
    ["-t", "tmpfs", "-o", "ro,size=4k", "holdfast-drill", insideServices],
  ]);
}

/**
 * The home's files on a disk of their own that is full. The sandbox is frozen while they are
 * copied, so that nobody inside can put a link where the copy writes.
 */
export async function fullHome(host: Host, record: SandboxRecord): Broken {
  const uid = uidOf(host, record.number);
  const source = homeOf(treeOf(host, record));
  const size = await run("du", ["-sb", source]);
  const bytes = Number(size.stdout.split("\t")[0]);
  if (!(bytes <= HOME_BYTES_MAX)) {
    return refuse(409, `the home holds ${bytes} bytes; a full disk is made of ${HOME_BYTES_MAX}`);
  }
  if (!(await setPaused(host, record, true))) return refuse(500, "the kernel would not freeze it");
  try {
    const made = await mountInside(host, record, insideHome, [
      [
        "-t",
        "tmpfs",
        "-o",
        `size=${bytes * 2 + SLACK_BYTES},mode=700`,
        "holdfast-drill",
        insideHome,
      ],
    ]);
    if (!made.ok || record.process === null) return made;
    const target = `/proc/${record.process.pid}/root${insideHome}`;
    cpSync(source, target, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    // Owners do not come along with a copy.
    const owned = await run("chown", ["-Rh", `${uid ?? 0}:${uid ?? 0}`, target]);
    const ballast = openSync(`${target}/${ballastName}`, "w", 0o600);
    try {
      fillUp(ballast);
      if (uid !== undefined) chownSync(target, uid, uid);
      const isFull = owned.code === 0 && statfsSync(target).bfree === 0;
      await setPaused(host, record, false);
      if (isFull) {
        await keepFull(ballast);
        return made;
      }
    } finally {
      closeSync(ballast);
    }
    if (made.value !== "once") await made.value.undo();
    return refuse(500, `the full disk could not be made: ${owned.stderr || "space is left"}`);
  } finally {
    await setPaused(host, record, false);
  }
}

function fillUp(ballast: number): void {
  for (let block = Buffer.alloc(64 * 1024, 1); block.length > 0;) {
    try {
      writeSync(ballast, block);
    } catch (error) {
      if (errnoOf(error) !== "ENOSPC") throw error;
      block = block.subarray(0, Math.floor(block.length / 2));
    }
  }
}

/** Who was frozen with a file that it was about to remove frees its room a moment later. */
async function keepFull(ballast: number): Promise<void> {
  for (let round = 0; round < REFILLS; round++) {
    await delay(REFILL_MS);
    fillUp(ballast);
  }
}

/** The soft limit only, set as the sandbox's own user: more than that not every root may do. */
export async function limitProcesses(host: Host, record: SandboxRecord): Broken {
  const uid = uidOf(host, record.number);
  if (uid === undefined) {
    return refuse(501, "the limit is a user's, and only a platform of root gives each its own");
  }
  if (!isRunning(record)) return notRunning(record);
  await limitAll(host, record, 1);
  return done(whileSameProcess(record, () => takeBack(host, record, "limit-processes")));
}

async function limitAll(host: Host, record: SandboxRecord, processesMax: number): Promise<void> {
  const uid = uidOf(host, record.number) ?? 0;
  for (const pid of pidsOf(host, record).filter((one) => isOf(one, uid))) {
    const limit = ["prlimit", "--pid", String(pid), `--nproc=${processesMax}:`];
    await run("setpriv", [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", ...limit]);
  }
}

function isOf(pid: number, uid: number): boolean {
  try {
    return statSync(`/proc/${pid}`).uid === uid;
  } catch {
    // It has ended meanwhile.
    return false;
  }
}

/** Mounts in the sandbox's own mount namespace, by the host's mount program. */
async function mountInside(
  host: Host,
  record: SandboxRecord,
  place: string,
  mounts: readonly (readonly string[])[],
): Broken {
  const first = record.process;
  if (first === null || !isAlive(first)) return notRunning(record);
  if (!host.isRoot || record.tier === "process") {
    return refuse(501, "mounts inside a sandbox need a platform of root with namespaces");
  }
  const namespace = ["-N", String(first.pid)];
  const undo = (): Promise<void> => moveAside(record, place);
  for (const [index, words] of mounts.entries()) {
    const result = await run("mount", [...namespace, ...words]);
    if (result.code === 0) continue;
    if (index > 0) await undo();
    return refuse(500, `mount ${words.join(" ")}: ${result.stderr.trim()}`);
  }
  return done(whileSameProcess(record, undo));
}

/**
 * umount wants a /proc/self in there, which a process of the host has not: what is to go is moved
 * to a directory that only root can make.
 */
async function moveAside(record: SandboxRecord, place: string): Promise<void> {
  const first = record.process?.pid ?? 0;
  const aside = `/run/drill-${randomUUID()}`;
  mkdirSync(`/proc/${first}/root${aside}`, { mode: 0o700 });
  const result = await run("mount", ["-N", String(first), "--move", place, aside]);
  if (result.code !== 0) throw new Error(result.stderr.trim());
}

/** A stop and a start heal every one of these: the namespace, the mounts and the limits are new. */
function whileSameProcess(record: SandboxRecord, undo: () => Promise<void>): Breakage {
  const first = record.process;
  return { undo, holds: () => first !== null && isAlive(first) };
}

function notRunning(record: SandboxRecord): {
  ok: false;
  refusal: { status: number; message: string };
} {
  return refuse(409, `${record.name} does not run (${record.state})`);
}

function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
