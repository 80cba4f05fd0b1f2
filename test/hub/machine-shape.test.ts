/** Rules that hold for the whole chart, found by walking it; none is about one state only. */
import { describe, expect, test } from "vitest";
import { allEdges, allNodes, isLeaf, placeOf, type Node } from "../../build/session-chart.ts";
import {
  EPOCH,
  snapshotAt,
  step,
  walkedMachine,
  wholeContext,
  type Leaf,
} from "../support/machine-walk.ts";

/** Nothing happens in them by itself, so nothing can be late. */
const REST = ["connected", "suspended.paused", "error", "ended"];
const TRANSIENT = [
  "boot",
  "creating.sorting",
  "nudging.deciding",
  "nudging.climbing",
  "error.sorting",
];

const nodes = allNodes();
const edges = allEdges();

function above(node: Node): Node[] {
  return node.parent === undefined ? [node] : [node, ...above(node.parent)];
}

describe("the chart", () => {
  test("[SM3] every leaf that is not at rest stands under an absolute deadline", () => {
    const leaves = nodes.filter(isLeaf).filter((node) => {
      const place = placeOf(node);
      const rests = REST.some((rest) => place === rest || place.startsWith(`${rest}.`));
      return !rests && !TRANSIENT.includes(place);
    });
    expect(leaves.length).toBeGreaterThan(10);
    for (const leaf of leaves) {
      const deadlines = above(leaf).flatMap((node) => node.after.map(({ delay }) => delay));
      expect([placeOf(leaf), deadlines.includes("attemptLeft")]).toEqual([placeOf(leaf), true]);
    }
  });

  test("[SM3] whatever starts an attempt also sets its deadline", () => {
    for (const node of nodes) {
      for (const edge of [...node.transitions.values()].flat()) {
        const names = edge.actions.map((action) => (action as { type?: string }).type ?? "assign");
        if (names.includes("startAttempt")) expect(names).toContain("setDeadline");
      }
    }
  });

  test("[SM5] every invoke has both outcomes, and the last way out of each is unguarded", () => {
    const invoking = nodes.filter(({ invoke }) => invoke.length > 0);
    expect(invoking.length).toBeGreaterThan(10);
    for (const node of invoking) {
      for (const outcome of ["done", "error"]) {
        const ways = edges.filter(
          ({ from, on }) => from === placeOf(node) && on.startsWith(`${outcome} `),
        );
        expect([placeOf(node), outcome, ways.length > 0]).toEqual([placeOf(node), outcome, true]);
        expect(ways.at(-1)?.guarded).toBe(false);
        expect(ways.at(-1)?.to.length).toBe(1);
      }
    }
  });

  test("[SM1] only a proof leads into connected from outside, and only a guarded one", () => {
    const isIn = (place: string): boolean =>
      place === "connected" || place.startsWith("connected.");
    const into = edges.filter(({ from, to }) => !isIn(from) && to.some(isIn));
    expect(into.length).toBeGreaterThan(0);
    for (const edge of into) {
      expect(edge).toMatchObject({ on: "done proveSession", guarded: true });
    }
  });

  test("[SM1] back to healthy from a suspicion leads a proof, too", () => {
    const into = edges.filter(({ to }) => to.includes("connected.healthy"));
    expect(into).toEqual([
      {
        from: "connected.suspect",
        on: "done proveSession",
        to: ["connected.healthy"],
        guarded: true,
      },
    ]);
  });

  test("[SM2] no work but a proof is what the way into connected waits for", () => {
    const claims = [
      "requestSandbox",
      "watchSandbox",
      "wakeSandbox",
      "signalDriver",
      "launchDriver",
    ];
    for (const edge of edges) {
      if (!claims.some((work) => edge.on === `done ${work}`)) continue;
      for (const place of edge.to) expect(place).not.toMatch(/^connected/);
    }
  });

  test("[SM1] a newer driver during a proof starts the proof anew", () => {
    for (const leaf of ["creating.proving", "nudging.proving"] as const) {
      const after = step(snapshotAt(leaf), { type: "driver.attached", epoch: 8, at: 1 });
      expect([after.leaf, after.context.epoch]).toEqual([leaf, 8]);
      expect(after.started).toEqual(["proveSession"]);
    }
  });

  test("every leaf can be reached, and no state is left for good but by removal", () => {
    const reached = new Set(["boot"]);
    const enter = (place: string): void => {
      const node = nodes.find((each) => placeOf(each) === place);
      if (node === undefined) return;
      for (const each of above(node)) reached.add(placeOf(each));
      const initial = node.initial.target[0];
      if (!isLeaf(node) && initial !== undefined) enter(placeOf(initial));
    };
    for (let before = -1; before !== reached.size;) {
      before = reached.size;
      for (const edge of edges) if (reached.has(edge.from)) edge.to.forEach(enter);
    }
    const unreached = nodes
      .filter(isLeaf)
      .map(placeOf)
      .filter((place) => !reached.has(place));
    expect(unreached).toEqual([]);
    for (const leaf of nodes.filter(isLeaf).map(placeOf)) {
      if (leaf === "boot" || leaf.startsWith("ended") || TRANSIENT.includes(leaf)) continue;
      const after = step(snapshotAt(leaf as Leaf), { type: "operator.removed", at: 1 });
      expect(after.leaf).toBe("ended.cleaning");
    }
  });

  test("[SM8] a fault that no retry helps rests in error.final, all others in error.healable", () => {
    const fault = {
      code: "PlatformAuthRejected",
      category: "operator",
      message: "",
      hint: "",
      phase: "",
      rung: "none",
      at: 0,
      evidence: [],
    } as const;
    const sorted = (retryable: boolean): string => {
      const value = { error: "sorting" };
      const context = { ...wholeContext, fault: { ...fault, retryable } };
      const at = walkedMachine.resolveState({ value, context });
      return step(at, { type: "driver.fellSilent", epoch: EPOCH, at: 1 }).leaf;
    };
    expect(sorted(true)).toBe("error.healable");
    expect(sorted(false)).toBe("error.final");
  });
});
