import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LocalTree } from "../../src/client/tree-targets.ts";
import type { FileInfo } from "../../src/protocol/file-services.ts";

let base: string;
let root: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "holdfast-tree-"));
  root = join(base, "target");
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const info = (path: string, kind: FileInfo["kind"] = "file", target?: string): FileInfo => ({
  path,
  kind,
  size: 0,
  mode: 0o755,
  mtimeMs: 0,
  ...(target !== undefined && { target }),
});

test("[FI6] names that lead out of the target are refused", async () => {
  const tree = new LocalTree(root);
  await tree.makeDirectory(info("", "directory"));
  await tree.makeDirectory(info("sub", "directory"));
  for (const path of ["..", "../x", "sub/../../x", "/etc/x", "sub//x", "./x", "sub/.", "a\0b"]) {
    expect(() => tree.check(info(path)), path).toThrow(/leads astray/);
  }
  tree.check(info("sub/fine"));
  expect(() => tree.check(info("never-made/x"))).toThrow(/is not there/);
});

test("[FI6] a symlink where a directory is to be is not gone through", async () => {
  mkdirSync(root);
  symlinkSync(base, join(root, "sub"));
  const tree = new LocalTree(root);
  await tree.makeDirectory(info("", "directory"));
  await expect(tree.makeDirectory(info("sub", "directory"))).rejects.toThrow(/is a symlink/);
  expect(() => tree.check(info("sub/x"))).toThrow(/is not there/);
});

test("[FI6] symlinks are made when they stay inside, whatever other symlinks there are", async () => {
  const tree = new LocalTree(root);
  for (const path of ["", "deep", "deep/er"]) await tree.makeDirectory(info(path, "directory"));
  const inside = ["er", "../deep", "er/../x", "..", "../..", "../../x", "/etc", "er/./../../x"];
  const made: string[] = [];
  for (const [at, target] of inside.entries()) {
    const refusal = await tree.link(info(`deep/link${at}`, "symlink", target));
    if (refusal === null) made.push(target);
    else expect(existsSync(join(root, `deep/link${at}`))).toBe(false);
  }
  expect(made).toEqual(["er", "../deep", ".."]);
  writeFileSync(join(root, "deep/link9"), "old");
  expect(await tree.link(info("deep/link9", "symlink", "er"))).toBeNull();
  expect(readlinkSync(join(root, "deep/link9"))).toBe("er");
  const taken = tree.link(info("deep/er", "symlink", "../x"));
  await expect(taken).rejects.toThrow(/is a directory/);
  expect(existsSync(join(root, "deep/er"))).toBe(true);
});

test("[FI6] a directory that was there before keeps its mode", async () => {
  mkdirSync(root, { mode: 0o700 });
  const tree = new LocalTree(root);
  await tree.makeDirectory(info("", "directory"));
  await tree.dress(info("", "directory"));
  expect(statSync(root).mode & 0o777).toBe(0o700);
});
