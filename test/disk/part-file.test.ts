/** A copied file takes its name last of all. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { DiskGate } from "../../src/disk/disk-gate.ts";
import { PartFile } from "../../src/disk/part-file.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hfpart-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
});

const bytes = Buffer.from("what is to be there after a loss of power");
const digest = { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };

/** What all file handles of this Node have in common. */
async function handles(): Promise<FileHandle> {
  const handle = await open(import.meta.filename);
  await handle.close();
  return Object.getPrototypeOf(handle) as FileHandle;
}

async function partOf(target: string): Promise<PartFile> {
  const request = { target, key: "k", size: bytes.length, anew: false };
  const part = await PartFile.open(new DiskGate(systemClock), request);
  await part.write(bytes);
  return part;
}

test("[FI1] the disk has the bytes before the file has its name", async () => {
  const target = join(directory, "file");
  const named: boolean[] = [];
  vi.spyOn(await handles(), "datasync").mockImplementation(async () => {
    named.push(existsSync(target));
  });
  const part = await partOf(target);
  await part.commit(digest, { mode: 0o644 });
  expect(named).toEqual([false]);
  expect(readFileSync(target)).toEqual(bytes);
});

test("[FI1, FI3] a disk that cannot keep the bytes gives no name, and nothing is left", async () => {
  const target = join(directory, "file");
  const full = Object.assign(new Error("no space"), { code: "ENOSPC" });
  vi.spyOn(await handles(), "datasync").mockRejectedValue(full);
  const part = await partOf(target);
  await expect(part.commit(digest, { mode: 0o644 })).rejects.toMatchObject({ code: "NO_SPACE" });
  expect(readdirSync(directory)).toEqual([]);
});

test("[FI3] a small file that finds no space is told of it, and nothing is left", async () => {
  const target = join(directory, "file");
  const full = Object.assign(new Error("no space"), { code: "ENOSPC" });
  vi.spyOn(await handles(), "writev").mockRejectedValue(full);
  const part = await partOf(target);
  await expect(part.commit(digest, { mode: 0o644 })).rejects.toMatchObject({ code: "NO_SPACE" });
  expect(readdirSync(directory)).toEqual([]);
});
