/**
 * Where a tree is copied to: a directory of a session, or one of this machine. They differ in whom
 * they trust: here nothing is believed that a sandbox says of a path.
 */
import { chmod, lstat, mkdir, symlink, unlink, utimes } from "node:fs/promises";
import { dirname, isAbsolute, join, normalize } from "node:path";
import { HubError } from "../base/hub-error.ts";
import { DiskFault, diskFault, errnoOf } from "../disk/disk-fault.ts";
import type { FileInfo } from "../protocol/file-services.ts";
import type { LastingChannel } from "./lasting-channel.ts";

/** Not setuid, setgid or sticky: whoever copies does not lend rights. */
const MODE_BITS = 0o777;
/** Who fills a directory must be able to; its own mode comes in the end. */
const OWNER_BITS = 0o700;

export interface TreeTarget {
  /** @throws HubError when it may not be written here at all. */
  check(info: FileInfo): void;
  makeDirectory(info: FileInfo): Promise<void>;
  /** Null when it was made, else why not. */
  link(info: FileInfo): Promise<string | null>;
  /** Gives a directory its mode and time, if it was made here: what was there before stays. */
  dress(info: FileInfo): Promise<void>;
}

export class RemoteTree implements TreeTarget {
  readonly #lasting: LastingChannel;
  readonly #root: string;
  readonly #made = new Set<string>();

  constructor(lasting: LastingChannel, root: string) {
    this.#lasting = lasting;
    this.#root = root;
  }

  check(): void {
    // What is on this machine is its user's own.
  }

  async makeDirectory({ path, mode }: FileInfo): Promise<void> {
    const place = this.#at(path);
    let tries = 0;
    await this.#lasting.work(async ({ files }) => {
      tries += 1;
      try {
        await files.mkdir(place, { mode: (mode & MODE_BITS) | OWNER_BITS });
        this.#made.add(path);
      } catch (error) {
        if (!(error instanceof HubError) || error.code !== "FileExists") throw error;
        // By an earlier try, whose answer was lost.
        if (tries > 1) this.#made.add(path);
        const { kind } = await files.stat(place);
        if (kind !== "directory") throw notADirectory(place, kind);
      }
    });
  }

  async link({ path, target = "" }: FileInfo): Promise<string | null> {
    await this.#lasting.work(({ files }) => files.symlink(this.#at(path), target));
    return null;
  }

  async dress({ path, mode, mtimeMs }: FileInfo): Promise<void> {
    if (!this.#made.has(path)) return;
    const values = { mode: mode & MODE_BITS, mtimeMs };
    await this.#lasting.work(({ files }) => files.set(this.#at(path), values));
  }

  #at(path: string): string {
    return path === "" ? this.#root : join(this.#root, path);
  }
}

export class LocalTree implements TreeTarget {
  readonly #root: string;
  /** Directories that are known to be none of the sandbox's symlinks. */
  readonly #real = new Set<string>();
  readonly #made = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  check({ path }: FileInfo): void {
    if (path === "") return;
    const names = path.split("/");
    const wild = names.some((name) => name === "" || name === "." || name === "..");
    if (wild || path.includes("\0")) {
      throw new HubError("ProtocolBroken", `the sandbox names a path that leads astray: ${path}`);
    }
    const parent = names.slice(0, -1).join("/");
    if (this.#real.has(parent)) return;
    throw new HubError("FileKindWrong", `${path}: the directory that it is in is not there`);
  }

  async makeDirectory({ path, mode }: FileInfo): Promise<void> {
    const place = join(this.#root, path);
    try {
      await mkdir(place, { mode: (mode & MODE_BITS) | OWNER_BITS });
      this.#made.add(path);
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw diskFault(error, place);
      const stats = await lstat(place);
      // The place that was named may be a symlink of its owner's; below it none is followed.
      if (!stats.isDirectory() && !(path === "" && stats.isSymbolicLink())) {
        throw notADirectory(place, stats.isSymbolicLink() ? "symlink" : "file");
      }
    }
    this.#real.add(path);
  }

  async link({ path, target = "" }: FileInfo): Promise<string | null> {
    if (leadsOut(dirname(path), target)) {
      return `it is a symlink that leads out of the copy: ${target}`;
    }
    const place = join(this.#root, path);
    try {
      await symlink(target, place);
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw diskFault(error, place);
      const stats = await lstat(place);
      if (stats.isDirectory()) throw new DiskFault("EXISTS", `${place} is a directory`);
      await unlink(place);
      await symlink(target, place);
    }
    return null;
  }

  async dress({ path, mode, mtimeMs }: FileInfo): Promise<void> {
    if (!this.#made.has(path)) return;
    const place = join(this.#root, path);
    try {
      await chmod(place, mode & MODE_BITS);
      await utimes(place, mtimeMs / 1_000, mtimeMs / 1_000);
    } catch (error) {
      throw diskFault(error, place);
    }
  }
}

/**
 * Where a name is a symlink, `..` behind it is not where it reads: so a target may begin with `..`,
 * and have none behind a name.
 */
function leadsOut(directory: string, target: string): boolean {
  const names = target.split("/").filter((name) => name !== "" && name !== ".");
  const firstName = names.findIndex((name) => name !== "..");
  if (isAbsolute(target) || (firstName !== -1 && names.includes("..", firstName))) return true;
  const whole = normalize(join(directory, target));
  return whole === ".." || whole.startsWith("../");
}

function notADirectory(path: string, kind: string): HubError {
  return new HubError("FileKindWrong", `${path} is a ${kind}, and a directory is to be there`);
}
