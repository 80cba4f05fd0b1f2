/** Keeps the import law: arrows point downwards, and each package has its one home. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { doors, exceptions, layers, packages, withoutNode } from "./import-law.ts";
import { importsOf, type Import } from "./imports.ts";
import { codeFiles, report, ROOT, type Finding, type SourceFile } from "./tree.ts";

/** Fewer files than this means that the walk is broken, not that the house is small. */
const FILES_MIN = 100;
const IMPORTS_MIN = 500;

const files = codeFiles("src");
const edges = files.flatMap((file) => importsOf(file).map((to) => ({ file, to })));
const layerOf = (path: string): string => path.split("/")[1] ?? "";

function breaches(rule: (file: SourceFile, to: Import) => string | null): string {
  const findings = edges.flatMap(({ file, to }): Finding[] => {
    const message = rule(file, to);
    return message === null ? [] : [{ path: file.path, line: to.line, message }];
  });
  return report(findings);
}

test("the tests below see the whole source", () => {
  expect(files.length).toBeGreaterThan(FILES_MIN);
  expect(edges.length).toBeGreaterThan(IMPORTS_MIN);
  for (const { path } of files) expect(Object.keys(layers), path).toContain(layerOf(path));
});

test("a layer imports only layers below it", () => {
  const found = breaches((file, to) => {
    if (!to.relative) return null;
    if (exceptions.some(({ from, to: target }) => from === file.path && target === to.target)) {
      return null;
    }
    const layer = layerOf(file.path);
    const allowed = layers[layer] ?? [];
    if (!to.target.startsWith("src/")) return `src may not import ${to.target}`;
    const target = layerOf(to.target);
    if (target === layer || allowed.includes(target)) return null;
    return `${layer} may import [${allowed.join(", ")}], not ${target}`;
  });
  expect(found).toBe("");
});

test("adapters are met through their ports", () => {
  const found = breaches((file, to) => {
    const door = doors.find(({ inside }) => to.target.startsWith(inside));
    if (door === undefined || door.openTo.some((open) => file.path.startsWith(open))) return null;
    return `${to.target} is open to [${door.openTo.join(", ")}]: ${door.why}`;
  });
  expect(found).toBe("");
});

test("a package is imported only where it lives", () => {
  const found = breaches((file, to) => {
    if (to.relative) return null;
    const homes = packages[to.target];
    if (homes === undefined) {
      return to.target.startsWith("node:") ? null : `${to.target} has no home in import-law.ts`;
    }
    if (homes.some((home) => file.path.startsWith(`src/${home}`))) return null;
    return `${to.target} belongs to [${homes.join(", ")}]`;
  });
  expect(found).toBe("");
});

test("what must run without Node imports nothing of it", () => {
  const found = breaches((file, to) =>
    to.name.startsWith("node:") && withoutNode.includes(layerOf(file.path))
      ? `${layerOf(file.path)} runs without Node, so not ${to.name}`
      : null,
  );
  expect(found).toBe("");
});

test("the session chart imports xstate and its own vocabulary, and runs nothing else", () => {
  const found = breaches((file, to) =>
    file.path === "src/hub/session/machine.ts" &&
    !to.typeOnly &&
    to.target !== "xstate" &&
    !to.target.startsWith("src/hub/session/")
      ? `the chart may import xstate, its folder and types, not ${to.name}`
      : null,
  );
  expect(edges.some(({ file }) => file.path === "src/hub/session/machine.ts")).toBe(true);
  expect(found).toBe("");
});

test("what runs is a dependency, not a development dependency", () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
    optionalDependencies: Record<string, string>;
  };
  const shipped = { ...manifest.dependencies, ...manifest.optionalDependencies };
  const found = breaches((file, to) => {
    // The dashboard is bundled, so its packages are in the bundle.
    if (to.relative || to.typeOnly || to.name.startsWith("node:")) return null;
    if (layerOf(file.path) === "web" || to.target in shipped) return null;
    return `${to.target} is not in the dependencies`;
  });
  expect(found).toBe("");
});

test("no file waits for itself: imports at load time have no circle", () => {
  const next = new Map<string, string[]>();
  for (const { file, to } of edges) {
    if (!to.relative || to.typeOnly || to.later) continue;
    next.set(file.path, [...(next.get(file.path) ?? []), to.target]);
  }
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const again = trail.indexOf(path);
    if (again >= 0) circles.push([...trail.slice(again), path].join(" → "));
    if (again >= 0 || done.has(path)) return;
    for (const target of next.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const { path } of files) visit(path, []);
  expect(circles).toEqual([]);
});
