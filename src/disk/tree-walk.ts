/** What is below a directory, a directory before what is in it, in the order of names. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { FileInfo } from "../protocol/file-services.ts";
import { diskFault } from "./disk-fault.ts";
import type { DiskGate } from "./disk-gate.ts";
import { lookAt } from "./file-look.ts";

/**
 * Yields `root` itself first, with an empty path, then what is in it, in lots: those of one
 * directory. A symlink is followed only when it is `root`. What cannot be looked at is yielded as
 * `unreadable`; only a `root` that is not there throws. @throws DiskFault
 */
export async function* walkTree(
  gate: DiskGate,
  root: string,
  { deep }: { readonly deep: boolean },
): AsyncGenerator<readonly FileInfo[]> {
  const top = await lookAt(gate, root, { follow: true, shown: "" });
  yield [top];
  if (top.kind !== "directory") return;
  const ahead = [""];
  for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
    const infos = await listOne(gate, root, next);
    if (infos.length > 0) yield infos;
    if (!deep) return;
    for (const { kind, path } of [...infos].reverse()) if (kind === "directory") ahead.push(path);
  }
}

async function listOne(gate: DiskGate, root: string, below: string): Promise<FileInfo[]> {
  let names: string[];
  try {
    names = await gate.run(() => readdir(join(root, below)));
  } catch (error) {
    const fault = diskFault(error, join(root, below));
    if (below === "") throw fault;
    return [unreadable(below, fault.message)];
  }
  const infos = names.sort().map((name) => {
    const shown = join(below, name);
    return lookAt(gate, join(root, shown), { follow: false, shown }).catch((error: unknown) =>
      unreadable(shown, diskFault(error, shown).message),
    );
  });
  return Promise.all(infos);
}

function unreadable(path: string, error: string): FileInfo {
  return { path, kind: "unreadable", size: 0, mode: 0, mtimeMs: 0, error };
}
