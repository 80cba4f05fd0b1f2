/**
 * What the thread of small files does. It goes there as text, for a driver is one file: so neither
 * function uses anything of this module, but types. They call the filesystem directly, which costs
 * a fifth of a turn of Node's threads, and may: only copies wait for that thread. What they cannot
 * do is no fault here: such a file is copied alone, and that tells why.
 */
import type * as Fs from "node:fs";
import type { LotSeen } from "../protocol/file-lots.ts";

/** In hex. */
export type Sha256 = (bytes: Uint8Array) => string;

export interface LotFile extends Omit<LotSeen, "size"> {
  readonly target: string;
  /** Beside it; takes its name in the end. */
  readonly part: string;
  readonly bytes: Uint8Array;
}

/** Of each whether it is in its place, whole and on the disk; of others nothing is left. */
export async function writeFiles(
  files: readonly LotFile[],
  fs: typeof Fs,
  sha256: Sha256,
): Promise<boolean[]> {
  const attempt = (work: () => unknown): boolean => {
    try {
      return work() !== false;
    } catch {
      return false;
    }
  };
  const begun = files.map((file) => {
    const { target, part, bytes, mode, mtimeMs } = file;
    let fd = -1;
    const isWhole = attempt(() => {
      const old = fs.lstatSync(target, { throwIfNoEntry: false });
      if (old?.isFile() === false || sha256(bytes) !== file.sha256) return false;
      // Whoever may write into the directory could lay a symlink there: it is not followed.
      const { O_RDWR, O_CREAT, O_TRUNC, O_NOFOLLOW } = fs.constants;
      fd = fs.openSync(part, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
      // Only root gives files away; anybody else's new file is his own, as with every copy.
      if (old !== undefined) attempt(() => fs.fchownSync(fd, old.uid, old.gid));
      fs.fchmodSync(fd, mode & 0o777);
      const written = fs.writeSync(fd, bytes);
      fs.futimesSync(fd, mtimeMs / 1_000, mtimeMs / 1_000);
      return written === bytes.length;
    });
    return { part, target, fd, isWhole };
  });
  const written: boolean[] = [];
  for (const { part, target, fd, isWhole } of begun) {
    // The disk has the bytes before the file has its name.
    const isKept = isWhole && null === (await new Promise((done) => fs.fdatasync(fd, done)));
    const isNamed = isKept && attempt(() => fs.renameSync(part, target));
    if (fd >= 0) attempt(() => fs.closeSync(fd));
    if (fd >= 0 && !isNamed) attempt(() => fs.unlinkSync(part));
    written.push(isNamed);
  }
  return written;
}

export interface LotPaths {
  readonly paths: readonly string[];
  /** Of all together. */
  readonly bytesMax: number;
}

export interface LotContents {
  /** Null for what is no file, has no room, or did not stay what it was. */
  readonly files: readonly (LotSeen | null)[];
  /** Of all files, one after the other. */
  readonly bytes: Uint8Array;
}

export async function readFiles(
  { paths, bytesMax }: LotPaths,
  fs: typeof Fs,
  sha256: Sha256,
): Promise<LotContents> {
  const contents: Uint8Array[] = [];
  let room = bytesMax;
  const readOne = (path: string): LotSeen | null => {
    // A device may do something when it is opened, so it is looked at before.
    const looked = fs.statSync(path);
    const { size } = looked;
    if (!looked.isFile() || size > room) return null;
    const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    try {
      const stats = fs.fstatSync(fd);
      // One that grows, and a file of the kernel, which says that it is empty, have more to read.
      const buffer = Buffer.allocUnsafe(size + 1);
      const bytes = buffer.subarray(0, fs.readSync(fd, buffer, 0, size + 1, 0));
      if (!stats.isFile() || bytes.length !== size) return null;
      contents.push(bytes);
      room -= size;
      const { mode, mtimeMs } = stats;
      return { size, mode: mode & 0o7777, mtimeMs, sha256: sha256(bytes) };
    } finally {
      fs.closeSync(fd);
    }
  };
  const files = paths.map((path) => {
    try {
      return readOne(path);
    } catch {
      return null;
    }
  });
  return { files, bytes: Buffer.concat(contents) };
}
