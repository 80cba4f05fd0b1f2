/** Finds what a file imports: from-clauses, side-effect imports, import() and import types. */
import { dirname, join } from "node:path/posix";
import type { SourceFile } from "./tree.ts";

export interface Import {
  readonly line: number;
  /** As written: `./frame.ts`, `ws`, `node:fs`. */
  readonly name: string;
  /** Path from the root for a relative import, else the name of the package. */
  readonly target: string;
  readonly relative: boolean;
  /** Erased before the program runs. */
  readonly typeOnly: boolean;
  /** import(): loaded when the line runs, not when the file does. */
  readonly later: boolean;
}

const FROM = /^[ \t]*(?:import|export)\s(type\s)?[^"';]*?from\s*"([^"]+)"/;
const BARE = /^[ \t]*import\s*"([^"]+)"/;
const LATER = /(typeof\s+)?\bimport\(\s*"([^"]+)"\s*\)/;
const IMPORT = new RegExp([FROM, BARE, LATER].map(({ source }) => source).join("|"), "gm");

export function importsOf(file: SourceFile): readonly Import[] {
  return [...file.text.matchAll(IMPORT)].map((match) => {
    const name = match[2] ?? match[3] ?? match[5] ?? "";
    const relative = name.startsWith(".");
    return {
      line: file.text.slice(0, match.index).split("\n").length,
      name,
      target: relative ? join(dirname(file.path), name) : packageOf(name),
      relative,
      typeOnly: match[1] !== undefined || match[4] !== undefined,
      later: match[5] !== undefined,
    };
  });
}

/** `@scope/name/deep` → `@scope/name`; built-in modules keep their whole name. */
function packageOf(name: string): string {
  if (name.startsWith("node:")) return name;
  return name.split("/", name.startsWith("@") ? 2 : 1).join("/");
}
