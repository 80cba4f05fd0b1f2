/** The site of the documents as files; how it looks and searches in a browser is e2e's. */
import MiniSearch from "minisearch";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { brokenLinks, buildSite, type Site } from "../../build/docs-site/site.ts";
import { faults } from "../../src/base/faults.ts";
import { ROOT } from "./tree.ts";

const directory = mkdtempSync(join(tmpdir(), "hfsite-"));
let site: Site;
let pages: readonly (readonly [address: string, text: string])[];

beforeAll(async () => {
  site = await buildSite(directory);
  pages = [...site.files].flatMap(([address, text]) =>
    address.endsWith(".html") ? [[address, String(text)] as const] : [],
  );
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

test("every document is a page, and every link and anchor leads somewhere", () => {
  const documents = ["docs", "docs/decisions"].flatMap((folder) =>
    readdirSync(join(ROOT, folder)).filter((name) => name.endsWith(".md")),
  );
  expect(documents.length).toBeGreaterThan(50);
  // README, CHANGELOG, SECURITY, CONTRIBUTING, the examples and the list of decisions.
  expect(pages).toHaveLength(documents.length + 6);
  expect(brokenLinks(site.files)).toEqual([]);
  for (const address of site.files.keys()) expect(existsSync(join(directory, address))).toBe(true);
});

test("a link and an anchor that lead nowhere are seen", () => {
  const files = new Map([
    ["a.html", '<a href="b.html#there"></a><a href="b.html#gone"></a><img src="no.png">'],
    ["b.html", '<h2 id="there"></h2><a href="#gone"></a><a href="https://example.com"></a>'],
  ]);
  expect(brokenLinks(files)).toEqual(["a.html: b.html#gone", "a.html: no.png", "b.html: #gone"]);
});

test("no page asks an address of others, or runs what stands in it", () => {
  for (const [address, text] of pages) {
    expect(text, address).toContain("default-src 'none'");
    expect(text, address).not.toMatch(/<(script|img|link)[^>]+(src|href)="(https?:)?\/\//);
    expect(text, address).not.toMatch(/<script(?![^>]* src=)|<[a-z][^>]* (style|on[a-z]+)=/);
  }
  expect(String(site.files.get("style.css"))).not.toMatch(/@import|url\(/);
});

test("names of faults and ids of rules lead to where they are told", () => {
  const lineage = pages.find(([address]) => address === "lineage.html")?.[1];
  expect(lineage).toContain('href="SPEC.html#SM2"');
  const operating = pages.find(([address]) => address === "OPERATING.html")?.[1] ?? "";
  expect(operating.match(/href="FAULTS\.html#\w+"/g)?.length).toBeGreaterThan(20);
});

test("the search has a section for each heading, each rule and each fault", () => {
  const search = new MiniSearch({ idField: "address", fields: ["title", "text"] });
  // Throws where two sections have one address.
  search.addAll(site.sections);
  for (const name of [...Object.keys(faults), "SM23", "ST1"]) {
    const first = search.search(name, { boost: { title: 4 }, prefix: true })[0];
    expect(String(first?.id), name).toContain(name);
  }
});
