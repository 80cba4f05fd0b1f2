import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { generatedDocs } from "../../build/docs.ts";
import { commandTable } from "../../src/cli/command-table.ts";
import { faults, type FaultKind } from "../../src/base/faults.ts";
import { settings } from "../../src/base/config-table.ts";
import { textFiles } from "./tree.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

describe("generated documents are fresh", () => {
  test.each(Object.entries(generatedDocs))("%s (npm run docs)", (path, render) => {
    expect(read(path)).toBe(render());
  });

  test("and name every row of their tables", () => {
    expect(settings.length).toBeGreaterThan(10);
    for (const { name } of settings) expect(read("docs/CONFIG.md")).toContain(`\`${name}\``);
    for (const name of Object.keys(faults)) expect(read("docs/FAULTS.md")).toContain(`\`${name}\``);
  });
});

describe("what people read", () => {
  const documents = ["README.md", "docs/OPERATING.md"];
  const inDocs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" });
  const linked = [...readdirSync(root), ...inDocs.map((path) => `docs/${path}`)].filter((path) =>
    path.endsWith(".md"),
  );
  const naming = [...documents, "docs/ARCHITECTURE.md", "docs/STYLE.md", "docs/lineage.md"];

  test.each(documents)("%s names only commands that exist", (path) => {
    const known = new Set(commandTable.map((spec) => spec.name.split(" ")[0] ?? ""));
    const named = [...read(path).matchAll(/\bholdfast ([a-z][a-z-]*)/g)].map((match) => match[1]);
    expect(named.length).toBeGreaterThan(5);
    for (const name of named)
      expect([...known, "help"], `${path}: holdfast ${name}`).toContain(name);
  });

  test.each(linked)("%s links only to files that exist", (path) => {
    const links = [...read(path).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map((match) => match[1]);
    for (const link of links) {
      const target = join(root, dirname(path), link ?? "");
      expect(existsSync(target), `${path} links to ${link}`).toBe(true);
    }
  });

  test.each(naming)("%s names only source files that exist", (path) => {
    const named = [...read(path).matchAll(/`([\w./-]+\.tsx?)`/g)].map((match) => match[1] ?? "");
    const all = textFiles().map((file) => `/${file.path}`);
    for (const name of named)
      expect(
        all.some((file) => file.endsWith(`/${name}`)),
        `${path} names ${name}`,
      ).toBe(true);
  });

  test("the README shows the commands of package.json", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    expect(read("README.md")).toContain("npm ci && npm start");
    expect(read("README.md")).toContain("npm ci && npm test");
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["start", "test"]));
  });
});

test("the changelog begins with the version of the package, which is frozen", () => {
  const { version } = JSON.parse(read("package.json")) as { version: string };
  expect(/^## (.+)$/m.exec(read("CHANGELOG.md"))?.[1]).toBe(version);
  expect(existsSync(join(root, "test", "frozen", version, "hub.backup"))).toBe(true);
});

test("OPERATING.md has every fault that a session or a hub can have", () => {
  const told = read("docs/OPERATING.md");
  const all = Object.entries<FaultKind>(faults);
  const kinds = ["startup", "environment", "verification", "driver", "capacity", "operator"];
  const owed = all.filter(([, { category }]) => kinds.includes(category)).map(([name]) => name);
  expect(owed.length).toBeGreaterThan(40);
  expect(owed.filter((name) => !told.includes(`\`${name}\``))).toEqual([]);
});
