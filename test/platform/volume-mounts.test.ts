import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openVolumes, wrongMount } from "../../src/platform/sandbox/volume-mounts.ts";
import type { OpenVolumes } from "../../src/platform/sandbox/volume-mounts.ts";
import { parseVolumes } from "../../src/platform/sandbox/volume-wish.ts";

let dir: string;
let opened: OpenVolumes[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hf-volumes-"));
  opened = [];
  for (const name of ["merged/mnt", "volumes/v"]) mkdirSync(join(dir, name), { recursive: true });
});

afterEach(() => {
  for (const one of opened) one.close();
  rmSync(dir, { recursive: true });
});

function open(mountPath: string, subpath?: string): OpenVolumes | string {
  const result = openVolumes({
    volumesDir: join(dir, "volumes"),
    mergedDir: join(dir, "merged"),
    volumes: [{ volumeId: "v", mountPath, ...(subpath === undefined ? {} : { subpath }) }],
    uid: undefined,
  });
  if ("error" in result) return result.error;
  opened.push(result);
  return result;
}

test("directories that are missing are made, on both sides", () => {
  expect(open("/mnt/deep/place", "a/b")).toMatchObject({
    mounts: [{ source: join(dir, "volumes/v/a/b"), inside: "/mnt/deep/place" }],
  });
});

test("only a part of a volume is doubted: its name may have been changed since", () => {
  expect(open("/mnt/v")).toMatchObject({ doubted: [] });
  expect(open("/mnt/v", "a")).toMatchObject({ doubted: [{ inside: "/mnt/v" }] });
});

test.each([
  ["/mnt/link/x", undefined],
  ["/mnt/v", "link/etc"],
  ["/mnt/v", "file"],
])("no step over a link or a file is taken: %s, %s", (mountPath, subpath) => {
  symlinkSync("/", join(dir, "merged/mnt/link"));
  symlinkSync("/", join(dir, "volumes/v/link"));
  writeFileSync(join(dir, "volumes/v/file"), "");
  expect(open(mountPath, subpath)).toContain("is a link or no directory");
});

test("a directory that was changed for a link between the look and the mount is found out", () => {
  // Seen with this process's own root, a mount is just a path.
  const result = open("/mnt/v", "a");
  if (typeof result === "string") throw new Error(result);
  const inside = join(dir, "volumes/v/a");
  const doubted = result.doubted.map(({ fd }) => ({ inside, fd }));
  expect(wrongMount(process.pid, doubted)).toBeUndefined();
  renameSync(inside, `${inside}.old`);
  symlinkSync("/", inside);
  expect(wrongMount(process.pid, doubted)).toContain("another directory was mounted");
});

test("a wish without volumes has no problem, and slashes at the end are no part of a path", () => {
  const problems: string[] = [];
  expect(parseVolumes(null, problems)).toEqual([]);
  expect(parseVolumes([{ volumeId: "v", mountPath: "/a/", subpath: "b/" }], problems)).toEqual([
    { volumeId: "v", mountPath: "/a", subpath: "b" },
  ]);
  expect(problems).toEqual([]);
});
