/**
 * Reads from the kernel what a test run left behind: processes, mounts, cgroups and files. All
 * that belongs to a run is known by its own temporary directory: it stands in the environment, the
 * arguments, the working directory or the own mounts of each of its processes. It only reads: what
 * it takes for a leftover may be somebody else's, so ending it is a person's decision.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync, type Dirent } from "node:fs";
import { join } from "node:path";

const directory = process.argv[2];
if (directory === undefined) throw new Error("usage: leftovers.ts TMPDIR");
const root: string = directory;

/** What is ending gets this long to be gone. */
const SETTLE_MS = 3_000;
const STEP_MS = 100;

interface Leftover {
  readonly kind: "process" | "mount" | "cgroup";
  readonly text: string;
}

const own = ancestors(process.pid);
const ownMounts = linkOf("/proc/self/ns/mnt");
let left = look();
for (let waitedMs = 0; left.length > 0 && waitedMs < SETTLE_MS; waitedMs += STEP_MS) {
  await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  left = look();
}
for (const { kind, text } of left) console.log(`left behind: ${kind} ${text}`);
const files = existsSync(root) ? readdirSync(root) : [];
for (const name of files) console.log(`left behind: file ${join(root, name)}`);
if (left.length === 0) console.log("no process, no mount, no cgroup");
process.exitCode = left.length === 0 ? 0 : 1;

function look(): readonly Leftover[] {
  if (!existsSync("/proc/self/mountinfo")) return [];
  return [...processes(), ...mounts(), ...cgroups()];
}

function processes(): readonly Leftover[] {
  return readdirSync("/proc").flatMap((name): Leftover[] => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || own.has(pid)) return [];
    const commandLine = read(`/proc/${pid}/cmdline`);
    const traces = [commandLine, read(`/proc/${pid}/environ`), linkOf(`/proc/${pid}/cwd`)];
    // A mount in our own namespace stands in the table of every process of the machine.
    if (linkOf(`/proc/${pid}/ns/mnt`) !== ownMounts) traces.push(read(`/proc/${pid}/mountinfo`));
    if (!traces.some((text) => text.includes(root))) return [];
    const command = commandLine.replaceAll("\0", " ").trim();
    return [{ kind: "process", text: `${pid} ${command.slice(0, 160)}` }];
  });
}

function mounts(): readonly Leftover[] {
  return read("/proc/self/mountinfo")
    .split("\n")
    .filter((line) => line.includes(root))
    .map((line) => ({ kind: "mount", text: line.split(" ")[4] ?? line }));
}

/** One without any process is nobody's, unless it was there before, or its platform runs. */
function cgroups(): readonly Leftover[] {
  const inUse = new Set(runningDataDirs().map(cgroupName));
  const before = new Set((process.env["CI_CGROUPS_BEFORE"] ?? "").split("\n"));
  return ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].flatMap((mount) =>
    directories(mount)
      .filter((name) => name.startsWith("holdfast-") && !inUse.has(name))
      .filter((name) => isEmptyTree(join(mount, name)))
      .map((name) => join(mount, name))
      .filter((path) => !before.has(path))
      .map((path): Leftover => ({ kind: "cgroup", text: path })),
  );
}

/** Data directories of the platforms that run now, read from their arguments. */
function runningDataDirs(): readonly string[] {
  return readdirSync("/proc").flatMap((name) => {
    const args = read(`/proc/${name}/cmdline`).split("\0");
    const at = args.indexOf("--data");
    return at < 0 ? [] : [args[at + 1] ?? ""];
  });
}

/** The name that src/platform/kernel/cgroup.ts gives. */
function cgroupName(dataDir: string): string {
  return `holdfast-${createHash("sha256").update(dataDir).digest("hex").slice(0, 12)}`;
}

function isEmptyTree(path: string): boolean {
  if (read(join(path, "cgroup.procs")).trim() !== "") return false;
  return directories(path).every((name) => isEmptyTree(join(path, name)));
}

function directories(path: string): readonly string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch {
    // Not there, or gone meanwhile.
    return [];
  }
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

/** Empty for what is gone or belongs to another user. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** This process and those that wait for it. */
function ancestors(pid: number): ReadonlySet<number> {
  const found = new Set<number>();
  for (let one = pid; one > 0 && !found.has(one);) {
    found.add(one);
    const fields = read(`/proc/${one}/stat`).split(") ").at(-1)?.split(" ") ?? [];
    one = Number(fields[1] ?? 0);
  }
  return found;
}
