/**
 * The root of one sandbox on the host: `cow-merged`, either an overlay (lower shared, upper its
 * own) or a copy, or in the process tier a plain directory. Owns mounting, unmounting and the
 * question whether it is still there, which a platform's own status never answers.
 */
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import {
  directoryIdentity,
  isMounted,
  isSameDirectory,
  mountOverlay,
  unmount,
} from "../kernel/mounts.ts";
import type { DirectoryIdentity } from "../kernel/mounts.ts";
import { userFiles } from "./skeleton.ts";
import { insideHome, insideNode, insideToolbox } from "./tier.ts";
import type { RootKind } from "./tier.ts";

export interface RootTree {
  kind: RootKind;
  dir: string;
  lower: string;
}

export const mergedOf = (dir: string): string => join(dir, "cow-merged");
const upperOf = (dir: string): string => join(dir, "cow-upper");
const workOf = (dir: string): string => join(dir, "cow-work");

/** Where its own files are: the upper layer, or the whole copy. */
export function topOf(tree: RootTree): string {
  return tree.kind === "overlay" ? upperOf(tree.dir) : mergedOf(tree.dir);
}

export function homeOf(tree: RootTree): string {
  return mergedOf(tree.dir) + insideHome;
}

/** The files that differ per sandbox, written before the first start; they are the user's own. */
export function prepareRoot(tree: RootTree, uid: number | undefined, hostname: string): void {
  const owner = uid ?? process.getuid?.() ?? 1000;
  const top = topOf(tree);
  mkdirSync(mergedOf(tree.dir), { recursive: true, mode: 0o755 });
  if (tree.kind === "overlay") mkdirSync(workOf(tree.dir), { recursive: true });
  // A copy of another sandbox brings the whole root along.
  if (tree.kind === "copy" && !existsSync(join(top, "etc"))) {
    cpSync(tree.lower, top, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    for (const name of ["tmp", "var/tmp"]) chmodSync(join(top, name), 0o1777);
  }
  if (tree.kind !== "none") {
    addMountPoints(tree.lower, top);
    const insideUid = uid ?? 1000;
    for (const [name, text] of Object.entries(userFiles(insideUid, hostname))) {
      mkdirSync(dirname(join(top, name)), { recursive: true, mode: 0o755 });
      writeFileSync(join(top, name), text, { mode: 0o644 });
    }
  }
  const home = top + insideHome;
  mkdirSync(home, { recursive: true, mode: 0o755 });
  if (uid !== undefined) chownSync(home, owner, owner);
}

/** A registered root directory has no places for what is mounted in; the skeleton has all. */
function addMountPoints(lower: string, top: string): void {
  const isMissing = (name: string): boolean => !existsSync(join(lower, name));
  for (const name of ["proc", "dev", "run", dirname(insideNode)].filter(isMissing)) {
    mkdirSync(join(top, name), { recursive: true, mode: 0o755 });
  }
  for (const name of [insideNode, insideToolbox].filter(isMissing)) {
    writeFileSync(join(top, name), "");
  }
  for (const name of ["tmp", "var/tmp"].filter(isMissing)) {
    mkdirSync(join(top, name), { recursive: true });
    chmodSync(join(top, name), 0o1777);
  }
}

/** Undefined on success; the identity that it then has is what later checks compare with. */
export async function mountRoot(
  tree: RootTree,
  id: string,
): Promise<{ identity: DirectoryIdentity } | { error: string }> {
  const merged = mergedOf(tree.dir);
  if (tree.kind === "overlay" && !isMounted(merged)) {
    mkdirSync(merged, { recursive: true, mode: 0o755 });
    // A work directory may hold what an unclean end left; the kernel asks for an empty one.
    rmSync(workOf(tree.dir), { recursive: true, force: true });
    mkdirSync(workOf(tree.dir));
    const name = `holdfast-${id}`;
    const error = await mountOverlay(name, tree.lower, upperOf(tree.dir), workOf(tree.dir), merged);
    if (error !== undefined) return { error: `overlay mount failed: ${error}` };
  }
  const identity = directoryIdentity(merged);
  return identity === undefined ? { error: `${merged} does not exist` } : { identity };
}

export async function unmountRoot(tree: RootTree): Promise<string | undefined> {
  return tree.kind === "overlay" ? unmount(mergedOf(tree.dir)) : undefined;
}

/** False when the merged root the sandbox was started on is gone from under the host's path. */
export function isRootPresent(tree: RootTree, recorded: DirectoryIdentity | null): boolean {
  const merged = mergedOf(tree.dir);
  if (recorded === null) return existsSync(merged);
  return isSameDirectory(merged, recorded);
}

export function removeRoot(tree: RootTree): void {
  rmSync(tree.dir, { recursive: true, force: true, maxRetries: 2 });
}
