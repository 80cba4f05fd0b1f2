/**
 * What Holdfast is made of, by its lock file: no version with a hole that is known, and nothing
 * that runs when it is installed. Asks nobody; the list beside this file is renewed by hand.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sbomOf, type Lock } from "../../build/sbom.ts";
import advisories from "./advisories.json" with { type: "json" };

interface Part {
  readonly version?: string;
  readonly hasInstallScript?: boolean;
}

type Row = { readonly name: string; readonly id: string } & (
  { readonly below: string } | { readonly is: string }
);

const lock = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../package-lock.json"), "utf8"),
) as { packages: Lock & Record<string, Part> };
const parts = Object.entries(lock.packages)
  .filter(([path]) => path !== "")
  .map(([path, part]) => ({ name: path.split("node_modules/").at(-1) ?? "", ...part }));

/** By numbers; what comes behind a dash is older than what it leads to. */
function isBelow(version: string, bound: string): boolean {
  const numbers = (text: string): number[] => text.split("-", 1).join("").split(".").map(Number);
  const [a, b] = [numbers(version), numbers(bound)];
  const at = a.findIndex((number, index) => number !== b[index]);
  return at < 0 ? version.includes("-") : (a[at] ?? 0) < (b[at] ?? 0);
}

/** What of these has a known hole. */
function holes(found: readonly { name: string; version?: string }[], rows: readonly Row[]) {
  return found.flatMap(({ name, version = "0.0.0" }) =>
    rows
      .filter((row) => row.name === name)
      .filter((row) =>
        "below" in row ? isBelow(version, row.below) : row.is === "*" || row.is === version,
      )
      .map(({ id }) => `${name} ${version}: ${id}`),
  );
}

test("[SU1] no package in the lock file has a hole that is known", () => {
  const rows = advisories.rows as readonly Row[];
  expect(rows.length).toBeGreaterThan(10);
  expect(parts.length).toBeGreaterThan(100);
  // Of those that are listed some are here, so that the names are the right ones.
  const watched = parts.filter(({ name }) => rows.some((row) => row.name === name));
  expect(watched.length).toBeGreaterThan(3);
  expect(holes(parts, rows)).toEqual([]);
});

test("[SU1] an older version, one that is bad, and one from before its release are found", () => {
  const rows = [
    { name: "a", id: "A", below: "2.10.1" },
    { name: "b", id: "B", is: "1.14.1" },
    { name: "c", id: "C", is: "*" },
  ];
  const found = (name: string, version: string) => holes([{ name, version }], rows).length;
  const old = ["2.10.0", "2.9.9", "1.99.0", "2.10.1-rc.1", "2.1.10"];
  expect(old.map((version) => found("a", version))).toEqual(old.map(() => 1));
  const fine = ["2.10.1", "2.10.2", "2.11.0", "3.0.0", "10.0.0"];
  expect(fine.map((version) => found("a", version))).toEqual(fine.map(() => 0));
  expect([found("b", "1.14.1"), found("b", "1.14.0"), found("c", "9.9.9")]).toEqual([1, 0, 1]);
});

/** They have scripts, which nobody runs (`ignore-scripts` in .npmrc): why they work without. */
const WORKS_WITHOUT: Readonly<Record<string, string>> = {
  bufferutil: "brings binaries; without one ws masks in JavaScript",
  "cpu-features": "optional part of ssh2, which has a cipher order of its own without it",
  esbuild: "the script only checks the binary that another package brings",
  protobufjs: "the script only prints",
  ssh2: "the script builds a crypto binding; without it Node's own crypto is used",
};

test("[SU1] nothing has to run when it is installed", () => {
  const rules = readFileSync(join(import.meta.dirname, "../../.npmrc"), "utf8");
  expect(rules.split("\n")).toContain("ignore-scripts=true");
  const scripted = parts.filter(({ hasInstallScript }) => hasInstallScript === true);
  const names = new Set(scripted.map(({ name }) => name));
  expect([...names].filter((name) => !(name in WORKS_WITHOUT))).toEqual([]);
  expect(Object.keys(WORKS_WITHOUT).filter((name) => !names.has(name))).toEqual([]);
});

interface Bom {
  readonly components: readonly {
    readonly "bom-ref": string;
    readonly purl: string;
    readonly scope: string;
    readonly hashes: readonly { readonly content: string }[];
  }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: string[] }[];
}

test("[SU1] the list of parts has every package that ships, once, with its hash", () => {
  const bom = sbomOf(lock.packages) as Bom;
  const refs = bom.components.map((one) => one["bom-ref"]);
  expect(new Set(refs).size).toBe(refs.length);
  const { dependencies = {}, optionalDependencies = {} } = lock.packages[""] ?? {};
  const [own] = bom.dependencies;
  const wanted = Object.entries({ ...dependencies, ...optionalDependencies });
  expect(own?.dependsOn).toEqual(wanted.map(([name, v]) => `${name}@${v}`).toSorted());
  for (const { purl, hashes } of bom.components) {
    expect(purl).toMatch(/^pkg:npm\/(%40[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+/);
    expect(hashes[0]?.content, purl).toMatch(/^[0-9a-f]{128}$/);
  }
  // What is reached from Holdfast by its dependencies is in the list, and nothing else is.
  const reached = new Set<string>();
  const follow = (ref: string): void => {
    for (const next of bom.dependencies.find((one) => one.ref === ref)?.dependsOn ?? []) {
      if (reached.has(next)) continue;
      reached.add(next);
      follow(next);
    }
  };
  follow(own?.ref ?? "");
  expect([...reached].filter((ref) => !refs.includes(ref))).toEqual([]);
  expect(refs.length).toBeGreaterThan(100);
  expect(refs).toContain(`ws@${dependencies["ws"] ?? ""}`);
  expect(refs.filter((ref) => ref.startsWith("vitest@"))).toEqual([]);
});
