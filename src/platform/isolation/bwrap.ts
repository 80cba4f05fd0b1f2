/**
 * Bubblewrap: all namespaces, own root, no capability. As root it is started as root (it must
 * reach the data directory) and the sandbox's own user is taken before anything of the sandbox
 * runs; as another user bubblewrap's user namespace does the same.
 */
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync } from "node:fs";
import {
  daemonArgv,
  dropTo,
  gateArgv,
  initArgv,
  insideHome,
  insideNode,
  insidePlace,
  insideRun,
  insideServices,
  insideToolbox,
} from "./tier.ts";
import type { Launcher, LaunchSpec } from "./tier.ts";

/** Kernel memory, keys and knobs that a container engine hides, too. */
export const maskedFiles = [
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/sched_debug",
  "/proc/sysrq-trigger",
];
export const maskedDirectories = ["/proc/acpi", "/proc/scsi", "/proc/asound"];

export const bwrapLauncher: Launcher = {
  tier: "bwrap",
  argv: (spec) => ["bwrap", ...rootMounts(spec), ...isolation(spec), "--", ...command(spec)],
  firstPid: (_launchedPid, statusText) => {
    const pid = /"child-pid":\s*(\d+)/.exec(statusText)?.[1];
    return pid === undefined ? undefined : Number(pid);
  },
};

function rootMounts(spec: LaunchSpec): string[] {
  return [
    ...["--bind", spec.mergedDir, "/"],
    ...spec.hostDirs.flatMap((path) => ["--ro-bind", path, path]),
    ...["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"],
    ...maskedFiles.filter(isFile).flatMap((path) => ["--ro-bind", "/dev/null", path]),
    ...maskedDirectories.filter(existsSync).flatMap((path) => ["--tmpfs", path]),
    ...["--dev", "/dev", "--perms", "1777", ...sizeOf(spec), "--tmpfs", "/dev/shm"],
    ...["--tmpfs", "/run", "--bind", spec.runDir, insideRun],
    ...["--ro-bind", spec.servicesDir, insideServices],
    ...["--ro-bind", spec.nodeFile, insideNode, "--ro-bind", spec.toolboxFile, insideToolbox],
    ...spec.volumes.flatMap(({ source, inside }) => ["--bind", source, inside]),
    ...["--chdir", insideHome],
  ];
}

function isolation(spec: LaunchSpec): string[] {
  const privileges =
    spec.uid === undefined
      ? ["--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
      : ["--cap-drop", "ALL", ...caps("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")];
  return [
    ...["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"],
    ...(spec.network === "host" ? [] : ["--unshare-net"]),
    ...["--hostname", spec.id.slice(0, 12), "--new-session", "--as-pid-1"],
    "--clearenv",
    ...["--json-status-fd", String(spec.statusFd)],
    ...privileges,
  ];
}

function caps(...names: string[]): string[] {
  return names.flatMap((name) => ["--cap-add", name]);
}

function command(spec: LaunchSpec): string[] {
  const drop = spec.uid === undefined ? [] : dropTo(spec.uid);
  return [...gateArgv(spec), ...drop, ...daemonArgv(spec, insidePlace, initArgv)];
}

let knowsSizes: boolean | undefined;

/** Bubblewrap before 0.7 cannot: there the limit of the whole memory is the only one. */
function sizeOf(spec: LaunchSpec): string[] {
  knowsSizes ??= spawnSync("bwrap", ["--help"], { encoding: "utf8" }).stdout.includes("--size");
  return knowsSizes ? ["--size", String(spec.sharedMemoryBytes)] : [];
}

function isFile(path: string): boolean {
  try {
    return lstatSync(path).isFile();
  } catch {
    return false;
  }
}
