/**
 * The documents as they lie in the checkout, each with its address on the site, and where a link
 * between them leads. It renders nothing. A document that no part of the contents names is an
 * error, so that a new one is not forgotten.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { contents, DECISIONS } from "./contents.ts";

export interface Source {
  /** From the root of the checkout. */
  readonly path: string;
  /** From the root of the site. */
  readonly address: string;
  readonly text: string;
  readonly title: string;
}

/** Where a link leads. */
export type Target =
  | { readonly kind: "page"; readonly address: string }
  /** Goes along as it is: a picture, or a file of the source that a document points at. */
  | { readonly kind: "file"; readonly path: string; readonly address: string }
  | { readonly kind: "outside" };

const FOLDERS = ["docs", DECISIONS];
/** A browser shows these; all else it shows only as text. */
const SHOWN = /\.(svg|png|txt)$/;

export function readSources(root: string): readonly Source[] {
  const listed = contents.flatMap(({ pages }) => pages).filter((path) => path !== DECISIONS);
  const decisions = documentsIn(root, DECISIONS);
  const forgotten = FOLDERS.flatMap((folder) => documentsIn(root, folder)).filter(
    (path) => !listed.includes(path) && !decisions.includes(path),
  );
  if (forgotten.length > 0)
    throw new Error(`not in build/docs-site/contents.ts: ${forgotten.join(", ")}`);
  const sources = [...listed, ...decisions].map((path) => source(root, path));
  return [...sources, listOf(sources.filter(({ path }) => decisions.includes(path)))];
}

/** `from` is the path of a document, `link` what it says without its anchor. */
export function targetOf(
  root: string,
  sources: readonly Source[],
  from: string,
  link: string,
): Target {
  if (/^[a-z]+:/.test(link)) return { kind: "outside" };
  const path = posix.normalize(posix.join(posix.dirname(from), link)).replace(/\/$/, "");
  const page = sources.find((candidate) => candidate.path === path);
  if (page !== undefined) return { kind: "page", address: page.address };
  const found = join(root, path);
  if (path.startsWith("..") || !existsSync(found))
    throw new Error(`${from} links to ${link}, which is not there`);
  if (statSync(found).isDirectory())
    return { kind: "file", path, address: `files/${path}/files.txt` };
  const shown = SHOWN.test(path) ? path : `${path}.txt`;
  return { kind: "file", path, address: `files/${shown}` };
}

/** The text of one file, or of all files of a folder, each under its name. */
export function fileBytes(root: string, path: string): Buffer {
  const found = join(root, path);
  if (!statSync(found).isDirectory()) return readFileSync(found);
  const files = readdirSync(found, { withFileTypes: true }).filter((entry) => entry.isFile());
  return Buffer.from(
    files
      .map(({ name }) => `==== ${path}/${name}\n\n${readFileSync(join(found, name), "utf8")}`)
      .join("\n"),
  );
}

function documentsIn(root: string, folder: string): readonly string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .sort()
    .map((name) => `${folder}/${name}`);
}

function source(root: string, path: string): Source {
  const text = readFileSync(join(root, path), "utf8");
  const title = /^# (.+)$/m.exec(text)?.[1];
  if (title === undefined) throw new Error(`${path} has no title`);
  const below = path.replace(/^docs\//, "").replace(/\.md$/, ".html");
  const address = path === "README.md" ? "index.html" : below;
  return { path, address, text, title: title.replaceAll("`", "") };
}

function listOf(decisions: readonly Source[]): Source {
  const lines = decisions.map(({ path, title }) => `- [${title}](${posix.relative("docs", path)})`);
  return {
    path: DECISIONS,
    address: "decisions/index.html",
    title: "Decisions",
    text: `# Decisions\n\nWhy things are as they are: one page each, with the price.\n\n${lines.join("\n")}\n`,
  };
}
