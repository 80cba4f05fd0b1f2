/**
 * One document as HTML, with what others need of it: its headings for the contents of the page, and
 * its sections for the search. Links lead to pages of the site, names of faults and ids of rules to
 * where they are told. It writes no file and knows nothing of what stands around an article.
 */
import { Marked, type Token, type Tokens } from "marked";
import { posix } from "node:path";
import type { Source, Target } from "./sources.ts";

export interface Heading {
  readonly depth: number;
  readonly id: string;
  readonly text: string;
}

/** What the search finds: one heading with the text below it. */
export interface Section {
  readonly address: string;
  readonly page: string;
  readonly title: string;
  readonly text: string;
}

export interface Article {
  readonly html: string;
  readonly headings: readonly Heading[];
  readonly sections: readonly Section[];
  readonly files: readonly Extract<Target, { kind: "file" }>[];
}

export interface Surroundings {
  readonly targetOf: (from: string, link: string) => Target;
  /** Name of a fault, or id of a rule, to the address where it is told. */
  readonly known: ReadonlyMap<string, string>;
}

/** All else that looks like a tag is a placeholder that somebody forgot to quote. */
const TAGS = /^<\/?(a|br|details|summary)[ >]/;
const RULE = /^\*\*([A-Z]+\d+)\*\*/;
const ANCHOR = /^<a id="(\w+)"><\/a>/;
const RULE_MENTIONED = /\b[A-Z]{2,4}\d+\b/g;

export function render(source: Source, { targetOf, known }: Surroundings): Article {
  const headings: Heading[] = [];
  const files: Extract<Target, { kind: "file" }>[] = [];
  const slugs = new Map<string, number>();
  const here = (address: string): string =>
    posix.relative(posix.dirname(source.address), address) || posix.basename(address);
  let inLink = false;
  const mention = (name: string, shown: string): string => {
    const address = inLink ? undefined : known.get(name);
    if (address === undefined || address.startsWith(`${source.address}#`)) return shown;
    return `<a class="known" href="${here(address)}">${shown}</a>`;
  };
  const resolve = (href: string): string => {
    const [path = "", anchor] = href.split("#");
    if (path === "") return href;
    const target = targetOf(source.path, path);
    if (target.kind === "outside") return href;
    if (target.kind === "file") files.push(target);
    return here(target.address) + (anchor === undefined ? "" : `#${anchor}`);
  };

  const marked = new Marked({
    renderer: {
      heading({ tokens, depth }) {
        const text = plain(tokens);
        const id = slug(text, slugs);
        headings.push({ depth, id, text });
        const shown = this.parser.parseInline(tokens);
        return `<h${depth} id="${id}"><a class="self" href="#${id}">${shown}</a></h${depth}>\n`;
      },
      link({ href, tokens }) {
        inLink = true;
        const shown = this.parser.parseInline(tokens);
        inLink = false;
        return `<a href="${escaped(resolve(href))}">${shown}</a>`;
      },
      image({ href, text }) {
        return `<img src="${escaped(resolve(href))}" alt="${escaped(text)}">`;
      },
      table(token) {
        const { header, rows } = token;
        const cells = (row: Tokens.TableCell[], tag: string): string =>
          row.map(({ tokens }) => `<${tag}>${this.parser.parseInline(tokens)}</${tag}>`).join("");
        const body = rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("\n");
        const head = `<thead><tr>${cells(header, "th")}</tr></thead>`;
        return `<div class="table"><table>${head}<tbody>\n${body}</tbody></table></div>\n`;
      },
      listitem(item) {
        const id = RULE.exec(item.text)?.[1];
        const shown = this.parser.parse(item.tokens, item.loose);
        return `<li${id === undefined ? "" : ` id="${id}"`}>${shown}</li>\n`;
      },
      codespan({ text }) {
        return mention(text, `<code>${escaped(text)}</code>`);
      },
      text(token) {
        if ("tokens" in token && token.tokens) return this.parser.parseInline(token.tokens);
        return escaped(token.text).replace(RULE_MENTIONED, (id) => mention(id, id));
      },
      html({ text }) {
        for (const [tag] of text.matchAll(/<[^>]*>/g))
          if (!TAGS.test(tag))
            throw new Error(`${source.path}: ${tag} is a tag; put it in backticks`);
        return text;
      },
    },
  });
  const tokens = marked.lexer(source.text);
  const html = marked.parser(tokens);
  return { html, headings, sections: sectionsOf(source, tokens, headings), files };
}

/** Ids of rules are where a list tells them, names of faults where a table has their anchor. */
export function anchorsOf({ address, text }: Source): readonly (readonly [string, string])[] {
  const rules = [...text.matchAll(/^- \*\*([A-Z]+\d+)\*\*/gm)];
  const faults = [...text.matchAll(/<a id="(\w+)"><\/a>/g)];
  return [...rules, ...faults].map(([, name = ""]) => [name, `${address}#${name}`]);
}

function sectionsOf(
  { address, title }: Source,
  tokens: readonly Token[],
  headings: readonly Heading[],
): readonly Section[] {
  const left = [...headings];
  const sections: Section[] = [];
  const add = (name: string, id: string, text: string): void => {
    sections.push({ address: address + id, page: title, title: name, text });
  };
  for (const token of tokens) {
    const told = namedParts(token);
    if (token.type === "heading") {
      const { text, depth, id } = left.shift() ?? { text: title, depth: 1, id: "" };
      add(text, depth === 1 ? "" : `#${id}`, "");
    } else if (told.length > 0) {
      for (const [name, text] of told) add(name, `#${name}`, text);
    } else {
      const last = sections.pop();
      if (last !== undefined) sections.push({ ...last, text: `${last.text} ${plain([token])}` });
    }
  }
  return sections.map((section) => ({
    ...section,
    text: section.text.replace(/\s+/g, " ").trim(),
  }));
}

/** Rules of a list and faults of a table, each with its text: who looks for one wants that one. */
function namedParts(token: Token): readonly (readonly [name: string, text: string])[] {
  if (token.type === "list")
    return (token as Tokens.List).items.flatMap(({ text, tokens }) => {
      const id = RULE.exec(text)?.[1];
      return id === undefined ? [] : [[id, plain(tokens)] as const];
    });
  if (token.type === "table")
    return (token as Tokens.Table).rows.flatMap((row) => {
      const name = ANCHOR.exec(row[0]?.text ?? "")?.[1];
      return name === undefined ? [] : [[name, cellsOf(row)] as const];
    });
  return [];
}

/** What a reader sees of it, without marks. */
function plain(tokens: readonly Token[]): string {
  return tokens
    .map((token): string => {
      if (token.type === "table") {
        const { header, rows } = token as Tokens.Table;
        return [header, ...rows].map(cellsOf).join(" ");
      }
      if (token.type === "list")
        return (token as Tokens.List).items.map((item) => plain(item.tokens)).join(" ");
      if (token.type === "html") return " ";
      if ("tokens" in token && token.tokens) return plain(token.tokens);
      return "text" in token && typeof token.text === "string" ? token.text : " ";
    })
    .join("");
}

function cellsOf(row: readonly Tokens.TableCell[]): string {
  return row.map((cell) => plain(cell.tokens)).join(" ");
}

/** As the places do that show these documents elsewhere, so that one link serves both. */
function slug(text: string, seen: Map<string, number>): string {
  const base = text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");
  const times = seen.get(base) ?? 0;
  seen.set(base, times + 1);
  return times === 0 ? base : `${base}-${times}`;
}

export function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
