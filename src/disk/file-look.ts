/** What is at a path, in the words of the wire. */
import type { Stats } from "node:fs";
import { lstat, readlink, stat } from "node:fs/promises";
import type { FileInfo } from "../protocol/file-services.ts";
import { DiskFault, diskFault } from "./disk-fault.ts";
import type { DiskGate } from "./disk-gate.ts";

const MODE_BITS = 0o7777;

/** @throws DiskFault; `path` is told as `shown`. */
export async function lookAt(
  gate: DiskGate,
  path: string,
  { follow, shown = path }: { readonly follow: boolean; readonly shown?: string },
): Promise<FileInfo> {
  try {
    const stats = await gate.run(() => (follow ? stat(path) : lstat(path)));
    if (!stats.isSymbolicLink()) return fileInfo(stats, shown);
    const target = await gate.run(() => readlink(path));
    // Bytes that are no text come as this character: made anew, the link would lead elsewhere.
    if (target.includes("\ufffd")) throw new DiskFault("REFUSED", `${path}: no target in UTF-8`);
    return { ...fileInfo(stats, shown), target };
  } catch (error) {
    throw diskFault(error, path);
  }
}

export function fileInfo(stats: Stats, path: string): FileInfo {
  const { size, mode, mtimeMs } = stats;
  return { path, kind: kindOf(stats), size, mode: mode & MODE_BITS, mtimeMs };
}

export function kindOf(stats: Stats): FileInfo["kind"] {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  if (stats.isSymbolicLink()) return "symlink";
  if (stats.isFIFO()) return "fifo";
  return stats.isSocket() ? "socket" : "device";
}
