/**
 * The checkout as the house tests see it: every text file once, with its lines. It walks the
 * directories and asks no version control, so that an unpacked archive is judged alike. It holds
 * no law; the tests beside it do.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Made by tools, or not text. */
const NOT_OURS = new Set([".git", "node_modules", "dist", "lib", "coverage"]);
const TEXT =
  /\.(ts|tsx|js|mjs|json|md|html|css|svg|sh|yml)$|(^|\/)(run|LICENSE|\.[a-z]+(rc|ignore))$/;

export interface SourceFile {
  /** From the root of the checkout, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

export interface Finding {
  readonly path: string;
  /** Counted from 1; 0 is the whole file. */
  readonly line: number;
  readonly message: string;
}

const all = walk(ROOT).map(read);

/** Every text file of the checkout. */
export function textFiles(): readonly SourceFile[] {
  return all;
}

/** TypeScript below the named directories. */
export function codeFiles(...directories: readonly string[]): readonly SourceFile[] {
  return all.filter(
    ({ path }) =>
      /\.tsx?$/.test(path) && directories.some((directory) => path.startsWith(`${directory}/`)),
  );
}

/** One finding a line, the way an editor can jump to. */
export function report(findings: readonly Finding[]): string {
  return findings.map(({ path, line, message }) => `${path}:${line} ${message}`).join("\n");
}

function walk(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (NOT_OURS.has(entry.name)) return [];
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return walk(path);
    return entry.isFile() && TEXT.test(relative(ROOT, path)) ? [path] : [];
  });
}

function read(path: string): SourceFile {
  const text = readFileSync(path, "utf8");
  return { path: relative(ROOT, path).replaceAll("\\", "/"), text, lines: text.split("\n") };
}
