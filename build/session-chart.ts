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

/** Mermaid takes dots for something else. */
function nameOf(place: string): string {
  return place.replaceAll(".", "_");
}
