/** Remembers in a file of the state directory up to which fact was told. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { HubError } from "../../base/hub-error.ts";
import type { Cursor } from "./webhook.ts";

export function cursorFile(path: string): Cursor {
  return {
    read() {
      const text = readText(path);
      if (text === null) return null;
      const seq = Number(text.trim());
      if (Number.isSafeInteger(seq) && seq >= 0) return seq;
      throw new HubError("StoreCorrupt", `${path} holds no event number`, {
        hint: "Remove the file; then only what happens from now on is told.",
      });
    },
    write(seq) {
      try {
        // On the disk before its name: a power cut must not leave an empty file that stops a start.
        writeFileSync(`${path}.new`, `${seq}\n`, { mode: 0o600, flush: true });
        renameSync(`${path}.new`, path);
      } catch (cause) {
        throw new HubError("HomeNotWritable", `${path}: ${String(cause)}`, { cause });
      }
    },
  };
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw new HubError("HomeNotWritable", `${path} cannot be read: ${String(error)}`);
  }
}
