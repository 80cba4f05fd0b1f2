/**
 * Makes the documents one static site in dist/docs-site: `npm run docs:site`. It is files only: it
 * is read from a disk as well as from any web server, and asks no other address. Every link is
 * followed while it is made, anchors as well; one that leads nowhere ends it.
 */
import { build } from "esbuild";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { page } from "./page.ts";
import { anchorsOf, render, type Section } from "./render.ts";
import { fileBytes, readSources, targetOf } from "./sources.ts";

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const STYLES = ["src/web/style/colours.css", "build/docs-site/style.css"];
const LINK = /(?:href|src)="([^"]+)"/g;

export interface Site {
  readonly directory: string;
  /** What each file holds, by its address. */
  readonly files: ReadonlyMap<string, string | Buffer>;
  readonly sections: readonly Section[];
}

export async function buildSite(directory = join(ROOT, "dist", "docs-site")): Promise<Site> {
  const sources = readSources(ROOT);
  const known = new Map(sources.flatMap(anchorsOf));
  const surroundings = {
    targetOf: (from: string, link: string) => targetOf(ROOT, sources, from, link),
    known,
  };
  const version = await packageVersion();
  const files = new Map<string, string | Buffer>();
  const sections: Section[] = [];
  for (const source of sources) {
    const article = render(source, surroundings);
    files.set(source.address, page(source, article, sources, version));
    sections.push(...article.sections);
    for (const { path, address } of article.files) files.set(address, fileBytes(ROOT, path));
  }
  const styles = STYLES.map((path) => readFile(join(ROOT, path), "utf8"));
  files.set("style.css", (await Promise.all(styles)).join("\n"));
  files.set("search.js", await searchScript());
  files.set("sections.js", `globalThis.docsSections = ${JSON.stringify(sections)};\n`);

  const broken = brokenLinks(files);
  if (broken.length > 0) throw new Error(`links that lead nowhere:\n${broken.join("\n")}`);
  await rm(directory, { recursive: true, force: true });
  for (const [address, bytes] of files) {
    const path = join(directory, address);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
  return { directory, files, sections };
}

/** Each as "page: link". Addresses of others are left alone: nothing here asks them. */
export function brokenLinks(files: ReadonlyMap<string, string | Buffer>): readonly string[] {
  const anchors = new Map<string, ReadonlySet<string>>();
  for (const [address, text] of files) {
    if (typeof text !== "string" || !address.endsWith(".html")) continue;
    anchors.set(address, new Set([...text.matchAll(/\bid="([^"]+)"/g)].map(([, id = ""]) => id)));
  }
  return [...anchors.keys()].flatMap((address) =>
    [...String(files.get(address)).matchAll(LINK)]
      .map(([, link = ""]) => link)
      .filter((link) => {
        if (/^https?:/.test(link)) return false;
        const [path = "", anchor] = link.split("#");
        const to = path === "" ? address : posix.join(posix.dirname(address), path);
        if (!files.has(to)) return true;
        return anchor !== undefined && anchors.get(to)?.has(decodeURIComponent(anchor)) !== true;
      })
      .map((link) => `${address}: ${link}`),
  );
}

async function searchScript(): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["build/docs-site/search.ts"],
    bundle: true,
    minify: true,
    format: "iife",
    platform: "browser",
    target: "es2022",
    write: false,
    legalComments: "eof",
  });
  return outputFiles[0]?.text ?? "";
}

async function packageVersion(): Promise<string> {
  const text = await readFile(join(ROOT, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { directory, files, sections } = await buildSite();
  const bytes = [...files.values()].reduce((sum, file) => sum + Buffer.byteLength(file), 0);
  const sizes = `${files.size} files, ${sections.length} sections, ${Math.round(bytes / 1024)} KB`;
  console.log(`${sizes}\nopen ${join(directory, "index.html")}`);
}
