/**
 * Where the time of a process goes, and who made what it keeps: what the inspector sampled, as a
 * tree of calls. How the tree is drawn is flame-graph.ts.
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rounded } from "./statistics.ts";

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  /** From 0. */
  readonly lineNumber: number;
}

/** As the inspector's Profiler has it. */
export interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** As the inspector's HeapProfiler has it. */
export interface Allocation {
  readonly callFrame: CallFrame;
  readonly selfSize: number;
  readonly children: readonly Allocation[];
}

export const KINDS = {
  ours: "Holdfast",
  packages: "packages",
  node: "JavaScript of Node",
  native: "V8, C++ and the kernel",
  collector: "the collector of garbage",
} as const;
export type Kind = keyof typeof KINDS;

/** A function where it was called from. */
export interface Call {
  readonly name: string;
  /** File and line; empty for what is no JavaScript. */
  readonly place: string;
  readonly kind: Kind;
  /** µs without what it called, and with it. */
  ownUs: number;
  allUs: number;
  readonly calls: Call[];
}

const ROOT = `${import.meta.dirname}/..`;
const SHOWN = 15;

/** The tree from its root, without the time in which the process waited. */
export function callsOf({ nodes, samples, timeDeltas }: Profile): Call {
  const calls = new Map(nodes.map(({ id, callFrame }) => [id, callOf(callFrame)]));
  for (const [n, id] of samples.entries()) {
    const call = calls.get(id);
    if (call !== undefined && call.name !== "(idle)") call.ownUs += timeDeltas[n] ?? 0;
  }
  for (const { id, children = [] } of nodes) {
    for (const child of children) calls.get(id)?.calls.push(calls.get(child) ?? callOf(NOBODY));
  }
  const root = calls.get(nodes[0]?.id ?? NaN) ?? callOf(NOBODY);
  sumUp(root);
  return root;
}

const NOBODY: CallFrame = { functionName: "(nobody)", url: "", lineNumber: 0 };

function callOf(frame: CallFrame): Call {
  const name = frame.functionName || "(anonymous)";
  return { name, place: placeOf(frame), kind: kindOf(frame), ownUs: 0, allUs: 0, calls: [] };
}

function sumUp(call: Call): number {
  call.allUs = call.calls.reduce((us, inner) => us + sumUp(inner), call.ownUs);
  return call.allUs;
}

function placeOf({ url, lineNumber }: CallFrame): string {
  if (url === "") return "";
  const file = url.startsWith("file:") ? relative(ROOT, fileURLToPath(url)) : url;
  return `${file.replace(/^.*node_modules\//, "")}:${lineNumber + 1}`;
}

function kindOf({ functionName, url }: CallFrame): Kind {
  if (functionName === "(garbage collector)") return "collector";
  if (url === "") return "native";
  if (url.startsWith("node:")) return "node";
  return url.includes("/node_modules/") ? "packages" : "ours";
}

function* everyCall(call: Call): Generator<Call> {
  yield call;
  for (const inner of call.calls) yield* everyCall(inner);
}

/** Share of each kind of code in all that is no waiting. */
export function sharesOf(root: Call): readonly (readonly [Kind, number])[] {
  const own = new Map<Kind, number>(Object.keys(KINDS).map((kind) => [kind as Kind, 0]));
  for (const { kind, ownUs } of everyCall(root)) own.set(kind, (own.get(kind) ?? 0) + ownUs);
  return [...own].map(([kind, us]) => [kind, us / (root.allUs || 1)] as const);
}

/** What takes most by itself, and each kind of code, in percent of what was not waiting. */
export function hottest(root: Call): readonly string[] {
  const own = new Map<string, number>();
  for (const { name, place, ownUs } of everyCall(root)) {
    const said = `${name} ${place}`.trim();
    own.set(said, (own.get(said) ?? 0) + ownUs);
  }
  const functions = [...own]
    .sort(([, a], [, b]) => b - a)
    .filter(([, us]) => us > 0)
    .slice(0, SHOWN)
    .map(([said, us]) => `${percent(us / root.allUs)} ${said}`);
  const kinds = sharesOf(root).map(([kind, share]) => `${percent(share)} ${KINDS[kind]}`);
  return [...kinds, ...functions];
}

/** What was made and is still there, by the two innermost calls of it that are Holdfast's. */
export function survivors(head: Allocation): readonly string[] {
  const bytes = new Map<string, number>();
  const walk = ({ callFrame, selfSize, children }: Allocation, ours: readonly string[]): void => {
    const { functionName, url } = callFrame;
    const said = `${functionName || "(anonymous)"} ${placeOf(callFrame)}`.trim();
    const isOurs = kindOf(callFrame) === "ours";
    const below = isOurs ? [said, ...ours].slice(0, 2) : ours;
    const by = [...(isOurs || url === "" ? [] : [said]), ...below].join(" < ");
    if (selfSize > 0) bytes.set(by, (bytes.get(by) ?? 0) + selfSize);
    for (const child of children) walk(child, below);
  };
  walk(head, []);
  return [...bytes]
    .sort(([, a], [, b]) => b - a)
    .slice(0, 2 * SHOWN)
    .map(([by, size]) => `${size} bytes ${by || "nobody in JavaScript"}`);
}

function percent(share: number): string {
  return `${rounded(100 * share)} %`;
}
