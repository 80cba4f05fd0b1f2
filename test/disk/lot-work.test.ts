/** Small files by the lot: what is written has its name last, and what is not leaves nothing. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readFiles, writeFiles, type LotFile } from "../../src/disk/lot-work.ts";

let directory: string;
beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), "hflot-"));
});
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const at = (name: string): string => join(directory, name);
const names = (): string[] => fs.readdirSync(directory).sort();

function lotFile(name: string, more: Partial<LotFile> = {}): LotFile {
  const bytes = Buffer.from(`content of ${name}`);
  const place = { target: at(name), part: at(`.${name}.part`) };
  return { ...place, mode: 0o4750, mtimeMs: 1e12 + 250, sha256: sha256(bytes), bytes, ...more };
}

test("[FI7] each file of a lot has its bytes, mode and time, and a refused one harms no other", async () => {
  fs.mkdirSync(at("taken"));
  fs.writeFileSync(at("old"), "what is replaced");
  fs.symlinkSync("old", at("link"));
  fs.symlinkSync("elsewhere", at(".lured.part"));
  const written = await writeFiles(
    [
      lotFile("first"),
      lotFile("taken"),
      lotFile("link"),
      lotFile("corrupt", { sha256: sha256(Buffer.from("other")) }),
      lotFile("lured"),
      lotFile("lost", { target: at("no/such"), part: at("no/.such.part") }),
      lotFile("old"),
    ],
    fs,
    sha256,
  );
  expect(written).toEqual([true, false, false, false, false, false, true]);
  expect(names()).toEqual([".lured.part", "first", "link", "old", "taken"]);
  for (const name of ["first", "old"]) {
    expect(fs.readFileSync(at(name), "utf8")).toBe(`content of ${name}`);
    const { mode, mtimeMs } = fs.statSync(at(name));
    expect([mode & 0o7777, mtimeMs]).toEqual([0o750, 1e12 + 250]);
  }
});

test("[FI7] the disk has the bytes before a file has its name, and one it cannot keep has none", async () => {
  const named: boolean[] = [];
  const full = Object.assign(new Error("no space"), { code: "ENOSPC" });
  const fdatasync = (fd: number, done: (error: Error | null) => void): void => {
    const name = fs.readlinkSync(`/proc/self/fd/${fd}`);
    expect(fs.readFileSync(name, "utf8")).toMatch(/^content of/);
    named.push(fs.existsSync(at("a")) && name.includes(".a."));
    done(name.includes(".b.") ? full : null);
  };
  const disk = { ...fs, fdatasync } as unknown as typeof fs;
  expect(await writeFiles([lotFile("a"), lotFile("b")], disk, sha256)).toEqual([true, false]);
  expect(named).toEqual([false, false]);
  expect(names()).toEqual(["a"]);
});

test("[FI7] a disk that takes a part of a file only gives it no name", async () => {
  const writeSync = (fd: number, bytes: Uint8Array) => fs.writeSync(fd, bytes.subarray(1));
  const disk = { ...fs, writeSync } as unknown as typeof fs;
  expect(await writeFiles([lotFile("a")], disk, sha256)).toEqual([false]);
  expect(names()).toEqual([]);
});

test("[FI7] a lot that is written twice at once, or again, has one end", async () => {
  const lot = [lotFile("a"), lotFile("b")];
  const both = await Promise.all([writeFiles(lot, fs, sha256), writeFiles(lot, fs, sha256)]);
  expect(both.flat()).toContain(true);
  expect(await writeFiles(lot, fs, sha256)).toEqual([true, true]);
  expect(names()).toEqual(["a", "b"]);
  expect(fs.readFileSync(at("a"), "utf8")).toBe("content of a");
});

test("[FI7] what is no small file is left out of a lot, and none of it is waited for", async () => {
  fs.writeFileSync(at("a"), "aa", { mode: 0o640 });
  fs.writeFileSync(at("empty"), "");
  fs.writeFileSync(at("large"), Buffer.alloc(10));
  fs.mkdirSync(at("directory"));
  execFileSync("mkfifo", [at("fifo")]);
  const inTheWay = ["large", "directory", "fifo", "missing"].map(at);
  const paths = [at("a"), ...inTheWay, "/proc/self/status", at("empty")];
  const opened: string[] = [];
  const openSync = (path: string, flags: number) => (opened.push(path), fs.openSync(path, flags));
  const disk = { ...fs, openSync } as unknown as typeof fs;
  const { files, bytes } = await readFiles({ paths, bytesMax: 9 }, disk, sha256);
  expect(opened).not.toContain(at("fifo"));
  expect(files.map((file) => file?.size ?? null)).toEqual([2, null, null, null, null, null, 0]);
  expect(Buffer.from(bytes).toString()).toBe("aa");
  const { mode, mtimeMs } = fs.statSync(at("a"));
  const digest = sha256(Buffer.from("aa"));
  expect(files[0]).toEqual({ size: 2, mode: mode & 0o7777, mtimeMs, sha256: digest });
});

test("[FI7] a lot has room for all its files together and no more", async () => {
  for (const name of ["a", "b", "c"]) fs.writeFileSync(at(name), "12345");
  const paths = ["a", "b", "c"].map(at);
  const { files, bytes } = await readFiles({ paths, bytesMax: 12 }, fs, sha256);
  expect(files.map((file) => file !== null)).toEqual([true, true, false]);
  expect(bytes).toHaveLength(10);
});

test("[FI7] a file that grows while it is read is left out", async () => {
  fs.writeFileSync(at("a"), "12345");
  const openSync = (path: string, flags: number): number => {
    fs.appendFileSync(at("a"), "6");
    return fs.openSync(path, flags);
  };
  const disk = { ...fs, openSync } as unknown as typeof fs;
  expect((await readFiles({ paths: [at("a")], bytesMax: 99 }, disk, sha256)).files).toEqual([null]);
});
