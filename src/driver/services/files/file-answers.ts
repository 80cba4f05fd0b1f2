/** One question about the files of this sandbox, or one change of them. */
import { chmod, mkdir, rename, rm, rmdir, symlink, unlink, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { DiskFault, diskFault, errnoOf } from "../../../disk/disk-fault.ts";
import type { DiskGate } from "../../../disk/disk-gate.ts";
import { lookAt } from "../../../disk/file-look.ts";
import type { FileInfo, OpenFileAsk } from "../../../protocol/file-services.ts";
import { resolvePath } from "./paths.ts";

type Question = OpenFileAsk["question"];

/** Removing a large tree takes long and is one call. */
const REMOVE_ANSWER_MS = 600_000;
const DIRECTORY_MODE = 0o777;

/** @throws DiskFault */
export async function answerQuestion(
  gate: DiskGate,
  home: string,
  question: Question,
): Promise<FileInfo> {
  const path = resolvePath(home, question.path);
  try {
    switch (question.do) {
      case "stat":
        return await lookAt(gate, path, question);
      case "mkdir":
        return await makeDirectory(gate, path, question);
      case "remove":
        return await remove(gate, path, question.recursive);
      case "rename": {
        const to = resolvePath(home, question.to);
        await gate.run(() => rename(path, to));
        return await lookAt(gate, to, { follow: false });
      }
      case "symlink":
        return await link(gate, path, question.target);
      case "set":
        return await set(gate, path, question);
    }
  } catch (error) {
    throw diskFault(error, path);
  }
}

async function makeDirectory(
  gate: DiskGate,
  path: string,
  { parents, mode = DIRECTORY_MODE }: Extract<Question, { do: "mkdir" }>,
): Promise<FileInfo> {
  try {
    await gate.run(() => mkdir(path, { recursive: parents, mode }));
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" || parents) throw error;
    throw new DiskFault("NOT_FOUND", `${dirname(path)}: there is no such directory (ENOENT)`);
  }
  return lookAt(gate, path, { follow: true });
}

/** Answers what was there. */
async function remove(gate: DiskGate, path: string, recursive: boolean): Promise<FileInfo> {
  if (path === "/") throw new DiskFault("REFUSED", "the root of a sandbox is not removed");
  const info = await lookAt(gate, path, { follow: false });
  if (info.kind !== "directory") await gate.run(() => unlink(path));
  else if (recursive) await gate.run(() => rm(path, { recursive }), REMOVE_ANSWER_MS);
  else await gate.run(() => rmdir(path));
  return info;
}

async function link(gate: DiskGate, path: string, target: string): Promise<FileInfo> {
  if (target.includes("\0")) throw new DiskFault("REFUSED", "a path cannot have a NUL in it");
  try {
    await gate.run(() => symlink(target, path));
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    // A directory makes this fail, and stays.
    await gate.run(() => unlink(path));
    await gate.run(() => symlink(target, path));
  }
  return lookAt(gate, path, { follow: false });
}

async function set(
  gate: DiskGate,
  path: string,
  { mode, mtimeMs }: Extract<Question, { do: "set" }>,
): Promise<FileInfo> {
  if (mode !== undefined) await gate.run(() => chmod(path, mode));
  if (mtimeMs !== undefined) {
    await gate.run(() => utimes(path, mtimeMs / 1_000, mtimeMs / 1_000));
  }
  return lookAt(gate, path, { follow: true });
}
