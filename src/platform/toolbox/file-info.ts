import type { Stats } from "node:fs";
import { lstat, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { FileInfo } from "@daytona/toolbox-api-client";

/** How deep a listing may go: the answer is one JSON text held in memory. */
const DEPTH_MAX = 32;

export async function describe(path: string, name = basename(path)): Promise<FileInfo> {
  const found = await followOrLink(path);
  const modifiedAt = found.mtime.toISOString();
  return {
    name,
    path,
    size: found.size,
    isDir: found.isDirectory(),
    mode: modeText(found),
    permissions: `0${(found.mode & 0o777).toString(8).padStart(3, "0")}`,
    modTime: modifiedAt,
    modifiedAt,
    owner: String(found.uid),
    group: String(found.gid),
  };
}

/** Entries of a directory; from depth 2 on, those of its directories, too. Follows no links. */
export async function list(path: string, depth: number): Promise<FileInfo[]> {
  const levels = Math.min(Math.max(depth, 1), DEPTH_MAX);
  const entries = await readdir(path, { withFileTypes: true });
  const listed: FileInfo[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const child = join(path, entry.name);
    // It may go while the directory is read; then it is not listed.
    const info = await describe(child, entry.name).catch(() => undefined);
    if (info === undefined) continue;
    listed.push(info);
    if (levels > 1 && entry.isDirectory()) {
      // One that may not be read, or has just gone, is listed without its entries.
      listed.push(...(await list(child, levels - 1).catch(() => [])));
    }
  }
  return listed;
}

/** A link that leads nowhere is described as the link that it is. */
async function followOrLink(path: string): Promise<Stats> {
  return stat(path).catch(() => lstat(path));
}

/** `-rw-r--r--`, as ls and the real daemon write it. */
export function modeText(found: Pick<Stats, "mode" | "isDirectory" | "isSymbolicLink">): string {
  const kind = found.isDirectory() ? "d" : found.isSymbolicLink() ? "l" : "-";
  const letters = ["r", "w", "x", "r", "w", "x", "r", "w", "x"];
  const bits = letters.map((letter, index) =>
    (found.mode & (1 << (8 - index))) === 0 ? "-" : letter,
  );
  return kind + bits.join("");
}
