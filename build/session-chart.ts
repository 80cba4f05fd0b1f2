/**
 * Walks the session machine as data, and draws it: docs/session.mmd is a Mermaid state diagram made
 * from the chart itself by build/docs.ts. Tests hold rules against the same edges.
 */
import { sessionMachine } from "../src/hub/session/machine.ts";

export interface Edge {
  readonly from: string;
  /** The event, or `done PROBE`, `error PROBE`, `after DELAY`, or `always`. */
  readonly on: string;
  readonly to: readonly string[];
  readonly guarded: boolean;
}

export type Node = typeof sessionMachine.root;

export function allNodes(node: Node = sessionMachine.root): readonly Node[] {
  return [node, ...Object.values(node.states).flatMap((child) => allNodes(child))];
}

/** Dotted place of a node, without the machine's own name. */
export const placeOf = (node: { readonly path: readonly string[] }): string => node.path.join(".");

export const isLeaf = (node: Node): boolean => Object.keys(node.states).length === 0;

/** Every transition of the machine, as data. */
export function allEdges(): readonly Edge[] {
  return allNodes().flatMap((node) => {
    const own = [...node.transitions.values()].flat();
    const always = node.always ?? [];
    return [...own, ...always].map((edge) => ({
      from: placeOf(node),
      on: node.always?.includes(edge) === true ? "always" : eventName(node, edge.eventType),
      to: (edge.target ?? []).map(placeOf),
      guarded: edge.guard !== undefined,
    }));
  });
}

function eventName(node: Node, type: string): string {
  const [, kind, what] = /^xstate\.(done|error|after)\.(?:actor\.)?(.*)$/.exec(type) ?? [];
  if (kind === undefined) return type;
  if (kind === "after") return `after ${(what ?? "").split(".")[0] ?? ""}`;
  return `${kind} ${node.invoke.map(({ src }) => src as string).join(" ")}`;
}

/** The Mermaid text. Labels are events, ends of work (`done`, `error`) and delays. */
export function sessionChart(): string {
  const lines = ["stateDiagram-v2", "  %% Made by `npm run docs`; do not edit."];
  lines.push("  [*] --> boot");
  for (const node of Object.values(sessionMachine.root.states)) {
    const inner = Object.values(node.states);
    if (inner.length === 0) continue;
    lines.push(`  state ${node.key} {`);
    const [initial] = node.initial.target;
    if (initial !== undefined) lines.push(`    [*] --> ${nameOf(placeOf(initial))}`);
    for (const leaf of inner) lines.push(`    ${nameOf(placeOf(leaf))}: ${leaf.key}`);
    lines.push("  }");
  }
  const drawn = new Set<string>();
  for (const { from, on, to } of allEdges()) {
    const source = from === "" ? "boot" : nameOf(from);
    for (const place of from === "" ? [] : to) drawn.add(`  ${source} --> ${nameOf(place)}: ${on}`);
  }
  lines.push(...drawn, "  note right of ended: operator.removed leads here from every state", "");
  return lines.join("\n");
}

/** What the dashboard draws: each state with its steps, and which state leads to which. */
export function chartData(): string {
  const states = Object.values(sessionMachine.root.states).filter((node) => !isLeaf(node));
  const steps = states.map((node) => {
    const names = Object.keys(node.states).map((name) => JSON.stringify(name));
    return wrapped(`  ${node.key}: `, names);
  });
  const stateOf = (place: string): string => place.split(".")[0] ?? "";
  const pairs = allEdges().flatMap(({ from, to }) =>
    to.map((place) => [stateOf(from), stateOf(place)] as const),
  );
  const known = new Set<string>(states.map(({ key }) => key));
  const moves = pairs.filter(([from, to]) => from !== to && known.has(from) && known.has(to));
  const edges = [...new Set(moves.map(([from, to]) => `  ["${from}", "${to}"],`))];
  return [
    "/** Made from the session machine by `npm run docs`; do not edit. */",
    "export const chartSteps = {",
    ...steps,
    "} as const;",
    "",
    "export type ChartState = keyof typeof chartSteps;",
    "",
    "/** What leads to where; from every state a removal leads to `ended`. */",
    "export const chartEdges: readonly (readonly [ChartState, ChartState])[] = [",
    ...edges,
    "];",
    "",
  ].join("\n");
}

/** As prettier has it: on one line where there is room, else one a line. */
function wrapped(head: string, names: readonly string[]): string {
  const line = `${head}[${names.join(", ")}],`;
  if (line.length <= 100) return line;
  return [`${head}[`, ...names.map((name) => `    ${name},`), "  ],"].join("\n");
}

/** Mermaid takes dots for something else. */
function nameOf(place: string): string {
  return place.replaceAll(".", "_");
}
