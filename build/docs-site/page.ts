/** What stands around an article: the contents of the site, those of the page, and the search. */
import { posix } from "node:path";
import { contents, DECISIONS } from "./contents.ts";
import { escaped, type Article } from "./render.ts";
import type { Source } from "./sources.ts";

/** A page asks its own files and nobody else, wherever it is opened. */
const POLICY = "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'";

export function page(
  source: Source,
  article: Article,
  sources: readonly Source[],
  version: string,
): string {
  const here = (address: string): string =>
    posix.relative(posix.dirname(source.address), address) || posix.basename(address);
  const root = posix.relative(posix.dirname(source.address), ".");
  const base = root === "" ? "." : root;
  const title = source.path === "README.md" ? "Holdfast" : `${source.title} · Holdfast`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${escaped(title)}</title>
<link rel="stylesheet" href="${here("style.css")}">
<script defer src="${here("search.js")}" data-root="${base}"></script>
</head>
<body>
<a class="skip" href="#article">To the text</a>
<header>
<a class="home" href="${here("index.html")}">Holdfast</a>
<div class="search" role="search">
<input id="search" type="search" placeholder="Search" autocomplete="off" spellcheck="false"
 role="combobox" aria-label="Search" aria-expanded="false" aria-controls="found" disabled>
<kbd>/</kbd>
<ol id="found" role="listbox" aria-label="Found" hidden></ol>
</div>
<span class="version">${escaped(version)}</span>
</header>
<div class="columns">
<div class="contents">
<input type="checkbox" id="contents"><label for="contents">Contents</label>
<nav aria-label="Contents">
${contents.map(({ title: part, pages }) => `<h2>${part}</h2>\n${list(pages)}`).join("\n")}
</nav>
</div>
<main id="article">
${article.html}</main>
${onThisPage(article)}</div>
</body>
</html>
`;

  function list(paths: readonly string[]): string {
    const items = paths.map((path) => {
      const found = sources.find((candidate) => candidate.path === path);
      if (found === undefined) throw new Error(`no document ${path}`);
      const isHere = path === source.path || (path === DECISIONS && isDecision(source));
      const mark = isHere ? ' aria-current="page"' : "";
      const shown = path === "README.md" ? "What it is, and the first minute" : found.title;
      return `<li><a href="${here(found.address)}"${mark}>${escaped(shown)}</a></li>`;
    });
    return `<ul>\n${items.join("\n")}\n</ul>`;
  }
}

function isDecision({ path }: Source): boolean {
  return path.startsWith(`${DECISIONS}/`);
}

function onThisPage({ headings }: Article): string {
  const shown = headings.filter(({ depth }) => depth === 2 || depth === 3);
  if (shown.length < 2) return "";
  const items = shown.map(
    ({ depth, id, text }) =>
      `<li class="depth-${depth}"><a href="#${id}">${escaped(text)}</a></li>`,
  );
  return `<nav class="page" aria-label="On this page">
<h2>On this page</h2>
<ul>
${items.join("\n")}
</ul>
</nav>
`;
}
