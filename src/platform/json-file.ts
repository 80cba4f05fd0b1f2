import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { errnoOf, PlatformStartError, textOf } from "./outcome.ts";

/** Writes beside and renames over: a reader or a crash never sees half a file. */
export function writeJsonFile(path: string, value: unknown, mode = 0o600): void {
  const draft = `${path}.${process.pid}.draft`;
  writeFileSync(draft, `${JSON.stringify(value, null, 2)}\n`, { mode });
  renameSync(draft, path);
}

/** Undefined when there is no such file; a file that cannot be parsed is left as is and named. */
export function readJsonFile(path: string): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw new PlatformStartError(`cannot read ${path}: ${textOf(error)}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PlatformStartError(
      `${path} is not valid JSON (${textOf(error)}). ` +
        `Nothing was changed: repair the file or move it away, then start again.`,
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new PlatformStartError(`${path} must hold a JSON object; nothing was changed.`);
  }
  return value as Record<string, unknown>;
}
