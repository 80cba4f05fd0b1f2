/**
 * What a sandbox mounts, and the proof that this is what was mounted. A volume is written to by
 * sandboxes that run, and one of its directories may become a link between a look and a mount,
 * which would lead to the host. So every step is taken from an open directory and follows no link,
 * and what a launcher then mounted by name is compared with the open directory before anything of
 * the sandbox runs: until then its first process waits at a gate.
 */
import type { SandboxVolume } from "@daytona/api-client";
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import type { VolumeMount } from "../isolation/tier.ts";
import { errnoOf, textOf } from "../outcome.ts";

export interface OpenVolumes {
  mounts: VolumeMount[];
  /** Those whose name a sandbox may have changed since; a whole volume's name is the platform's. */
  doubted: { inside: string; fd: number }[];
  close: () => void;
}

export interface VolumeRequest {
  volumesDir: string;
  mergedDir: string;
  volumes: readonly SandboxVolume[];
  /** Of the sandbox; undefined where it is the host's user. */
  uid: number | undefined;
}

export function openVolumes(request: VolumeRequest): OpenVolumes | { error: string } {
  const open: number[] = [];
  const close = (): void => {
    for (const fd of open.splice(0)) closeSync(fd);
  };
  const mounts: VolumeMount[] = [];
  const doubted: OpenVolumes["doubted"] = [];
  try {
    for (const { volumeId, mountPath: inside, subpath = "" } of request.volumes) {
      const whole = join(request.volumesDir, volumeId);
      const fd = walk(whole, parts(subpath), (made) => {
        // Every sandbox that mounts it has a user of its own.
        fchmodSync(made, 0o777);
      });
      open.push(fd);
      const point = walk(request.mergedDir, parts(inside), (made) => {
        if (request.uid !== undefined) fchownSync(made, request.uid, request.uid);
      });
      closeSync(point);
      mounts.push({ source: join(whole, subpath), inside });
      if (subpath !== "") doubted.push({ inside, fd });
    }
  } catch (error) {
    close();
    return { error: `volume could not be mounted: ${textOf(error)}` };
  }
  return { mounts, doubted, close };
}

/** Undefined when the process sees the very directories that were opened, else what it sees. */
export function wrongMount(pid: number, doubted: OpenVolumes["doubted"]): string | undefined {
  for (const { inside, fd } of doubted) {
    const wanted = fstatSync(fd, { bigint: true });
    const mounted = statSync(`/proc/${pid}/root${inside}`, { bigint: true });
    if (wanted.dev !== mounted.dev || wanted.ino !== mounted.ino) {
      return `volume at ${inside}: another directory was mounted than the one that was looked at`;
    }
  }
  return undefined;
}

function parts(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}

const FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** The open directory at the end; what is not there is made. */
function walk(start: string, names: readonly string[], made: (fd: number) => void): number {
  let fd = openSync(start, FLAGS);
  for (const name of names) {
    const path = `/proc/self/fd/${fd}/${name}`;
    try {
      const next = openOrMake(path, made);
      closeSync(fd);
      fd = next;
    } catch (error) {
      closeSync(fd);
      const isLink = errnoOf(error) === "ELOOP" || errnoOf(error) === "ENOTDIR";
      if (isLink) throw new Error(`${names.join("/")}: ${name} is a link or no directory`);
      throw error;
    }
  }
  return fd;
}

function openOrMake(path: string, made: (fd: number) => void): number {
  try {
    return openSync(path, FLAGS);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  try {
    mkdirSync(path, { mode: 0o755 });
  } catch (error) {
    // Another start was faster with the same subpath.
    if (errnoOf(error) !== "EEXIST") throw error;
  }
  const fd = openSync(path, FLAGS);
  made(fd);
  return fd;
}
