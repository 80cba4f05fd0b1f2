/**
 * The one marked block of Holdfast in a user's ssh_config: found, made, put in, taken out. Texts
 * in, texts out; everything outside of the marks stays as it is, byte for byte.
 */
import { HubError } from "../base/hub-error.ts";
import type { SshOption } from "./ssh-options.ts";

export const BEGIN =
  "# --- holdfast: begin (`holdfast config-ssh` writes it, --remove takes it out)";
export const END = "# --- holdfast: end";
const BEGIN_MARK = /^# --- holdfast: begin\b/;
const END_MARK = /^# --- holdfast: end\b/;

/** `Match all` ends it: what follows in the file was meant for every host, and still is. */
export function makeBlock(suffix: string, options: readonly SshOption[]): readonly string[] {
  const lines = options.map(([key, value]) => `  ${key} ${value}`);
  return [BEGIN, `Host *${suffix}`, ...lines, "Match all", END];
}

export interface FoundBlock {
  readonly before: readonly string[];
  readonly block: readonly string[];
  readonly after: readonly string[];
}

/** @throws HubError ConfigInvalid when the marks are not one pair. */
export function findBlock(text: string, file: string): FoundBlock {
  const lines = text === "" ? [] : text.split("\n");
  const begins = lines.flatMap((line, at) => (BEGIN_MARK.test(line) ? [at] : []));
  const ends = lines.flatMap((line, at) => (END_MARK.test(line) ? [at] : []));
  const [begin] = begins;
  const [end] = ends;
  if (begin === undefined && end === undefined) return { before: [], block: [], after: lines };
  const paired = begins.length === 1 && ends.length === 1;
  if (begin === undefined || end === undefined || !paired || end < begin) {
    const places = [...begins, ...ends].map((at) => at + 1).sort((a, b) => a - b);
    throw new HubError("ConfigInvalid", `${file}: the marks of holdfast are not one pair`, {
      hint: `Put lines ${places.join(", ")} in order by hand, then run it again.`,
    });
  }
  const before = lines.slice(0, begin);
  return { before, block: lines.slice(begin, end + 1), after: lines.slice(end + 1) };
}

/**
 * Where the block was; a first one goes to the top, because ssh takes the first value that it
 * finds. Without lines the block goes.
 */
export function withBlock({ before, block, after }: FoundBlock, lines: readonly string[]): string {
  if (block.length > 0 || lines.length === 0) return [...before, ...lines, ...after].join("\n");
  return [...lines, ...(after.length === 0 ? [""] : after)].join("\n");
}

/** As `diff -u` would show it; nothing else of the file changes. */
export function blockDiff(file: string, old: readonly string[], wanted: readonly string[]): string {
  const same = new Set(old.filter((line) => wanted.includes(line)));
  const gone = old.filter((line) => !same.has(line)).map((line) => `-${line}`);
  const now = wanted.map((line) => (same.has(line) ? ` ${line}` : `+${line}`));
  return [`--- ${file}`, `+++ ${file}`, ...gone, ...now].join("\n");
}
