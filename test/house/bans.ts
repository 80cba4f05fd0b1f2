/**
 * What may not be written, where it may all the same, and what to write instead. One row a ban.
 * The patterns are built so that this file does not find itself.
 */
import type { SourceFile } from "./tree.ts";

export interface Ban {
  readonly what: string;
  readonly pattern: RegExp;
  readonly instead: string;
  /** A comment in the line or above it, which says why, makes it lawful. */
  readonly excusedByComment?: true;
  /** Files the ban is for. */
  readonly where: (path: string) => boolean;
}

const inSource = (path: string): boolean => path.startsWith("src/");
const inCode = (path: string): boolean => /\.(ts|tsx|js|mjs)$/.test(path);
const isUnder = (path: string, ...places: readonly string[]): boolean =>
  places.some((place) => path === place || (place.endsWith("/") && path.startsWith(place)));

/**
 * Programs at the edge live in real time, alone in their process: the command line, the platform
 * and what the browser runs. The core is driven by the clock it is given, so that a test or a
 * simulation owns every instant.
 */
const edges = ["src/cli/", "src/platform/", "src/web/", "src/transport/browser-socket.ts"];
/** Where real HTTP calls are made; a simulation stands in front of these files, not behind them. */
const adapters = ["src/providers/daytona/", "src/client/api.ts"];
const inCore = (path: string): boolean => inSource(path) && !isUnder(path, ...edges);
/** Tests that start real processes wait for real ones. */
const inPureTest = (path: string): boolean =>
  path.startsWith("test/") && !isUnder(path, "test/e2e/", "test/support/");

export const bans: readonly Ban[] = [
  {
    what: "Date.now(",
    pattern: /\bDate\.now\(|\bnew Date\(\)/,
    instead: "use the Clock you are given: clock.now()",
    where: (path) => inCore(path) && path !== "src/base/clock.ts",
  },
  {
    what: "performance.now(",
    pattern: /\bperformance\.now\(/,
    instead: "use the Clock you are given: clock.mono()",
    where: (path) => inCore(path) && path !== "src/base/clock.ts",
  },
  {
    what: "setTimeout( and setInterval(",
    pattern: /(?<![.\w])set(Timeout|Interval)\(/,
    instead: "use the Clock you are given: clock.setTimeout, sleep or withDeadline",
    where: (path) => (inCore(path) && path !== "src/base/clock.ts") || inPureTest(path),
  },
  {
    what: "node:timers",
    pattern: /"node:timers/,
    instead: "use the Clock you are given",
    where: (path) => inCore(path) || inPureTest(path),
  },
  {
    what: "AbortSignal.timeout(",
    pattern: /\bAbortSignal\.timeout\(/,
    instead: "use withDeadline of base/deadline.ts with the Clock you are given",
    where: (path) => inCore(path) && !isUnder(path, ...adapters),
  },
  {
    what: "Math.random(",
    pattern: /\bMath\.random\(/,
    instead: "use the Random you are given",
    where: (path) => inSource(path) && path !== "src/base/random.ts",
  },
  {
    what: "process.env",
    pattern: /\bprocess\.env\b/,
    instead: "read it in main.ts or config.ts and hand the value on",
    where: (path) => inSource(path) && !/\/(main|config)\.tsx?$/.test(path),
  },
  {
    what: "enum",
    pattern: /^\s*(export\s+)?(declare\s+)?(const\s+)?enum\s/,
    instead: "write a union of literals, or an object `as const`",
    where: inCode,
  },
  {
    what: "as any",
    pattern: /\bas any\b|: any\b|<any>/,
    instead: "name the type, or take unknown and check it",
    where: inCode,
  },
  {
    what: "silenced checks",
    pattern: /@ts-(ignore|expect-error|nocheck)|eslint-disable|prettier-ignore/,
    instead: "make the code right; a rule that is wrong is changed for all",
    where: inCode,
  },
  {
    what: "a focused test",
    pattern: /\b(test|it|describe|bench)(\.\w+)*\.only\(/,
    instead: "run one test with `vitest -t NAME`",
    where: inCode,
  },
  {
    what: "a silent skip",
    pattern: /\b(test|it|describe)(\.\w+)*\.(skip|skipIf|runIf|todo|fails)\(/,
    instead:
      "say why: describeWhere([needs.root], …) of test/support/needs.ts, or skip(condition, reason)",
    where: (path) => inCode(path) && path !== "test/support/needs.ts",
  },
  {
    what: "unfinished work",
    pattern: /\b(TODO|FIXME|XXX|HACK)\b/,
    instead: "do it, or open an issue",
    where: inCode,
  },
  {
    what: "export *",
    pattern: /^\s*export \*/,
    instead: "name what is exported",
    where: inCode,
  },
  {
    what: "an empty catch",
    pattern: /\bcatch\s*(\([^)]*\))?\s*\{\s*\}|\.catch\(\(\) => (\{\s*\}|undefined|null)\)/,
    instead: "handle it, or say in a comment above why nothing is to be done",
    excusedByComment: true,
    where: inSource,
  },
];

/** Names that say nothing about what is inside. */
export const emptyNames = /(^|[-/])(utils?|helpers?|common|misc|manager)([-.]|$)/;

/**
 * Words about a machine that no reader has, and addresses that a lock file or a document does not
 * need: they would be wrong on every other machine.
 */
export const foreign: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  {
    what: "a path of one machine",
    // A sandbox's user is daytona, as on Daytona; ada is a reader's example.
    pattern: /(?<![\w.~])\/(work|root|Users|home(?!\/(daytona|ada)\b))\/[\w.-]+/,
  },
  { what: "a registry's address", pattern: /\bregistry\.[\w.-]+\.[a-z]{2,}\b|"resolved":/ },
  { what: "a mirror's address", pattern: /\b(deb|archive|security)\.(debian|ubuntu)\.\w+/ },
  { what: "a private address book", pattern: /https?:\/\/[\w.-]+\.(internal|corp|lan)\b/ },
];

/** The line of the file's first match, counted from 1, or none. */
export function linesWith(file: SourceFile, pattern: RegExp): readonly number[] {
  return file.lines.flatMap((line, index) => (pattern.test(line) ? [index + 1] : []));
}
