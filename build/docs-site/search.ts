/**
 * The search of the site, in the reader's browser. The sections come as a script, since a page that
 * was opened from a disk may load scripts but fetch nothing; they come when the search is first
 * entered, and the index is made of them there: that takes less than carrying it.
 */
import MiniSearch, { type SearchResult } from "minisearch";
import type { Section } from "./render.ts";

declare global {
  // Set by sections.js.
  var docsSections: readonly Section[] | undefined;
}

const SHOWN_MAX = 12;
const EXCERPT = { before: 40, after: 110 };

const input = document.querySelector<HTMLInputElement>("#search");
const found = document.querySelector<HTMLOListElement>("#found");
const base = (document.currentScript as HTMLScriptElement | null)?.dataset["root"] ?? ".";
let index: Promise<MiniSearch<Section>> | null = null;
let chosen = 0;

if (input !== null && found !== null) {
  input.disabled = false;
  input.addEventListener("focus", () => void loadIndex());
  input.addEventListener("input", () => void show(input, found));
  input.addEventListener("keydown", (event) => steer(event, input, found));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target instanceof HTMLInputElement) return;
    event.preventDefault();
    input.focus();
  });
  document.addEventListener("click", (event) => {
    if (event.target instanceof Node && !found.parentElement?.contains(event.target))
      close(input, found);
  });
}

function loadIndex(): Promise<MiniSearch<Section>> {
  index ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${base}/sections.js`;
    script.addEventListener("error", () => reject(new Error("sections.js is not there")));
    script.addEventListener("load", () => {
      const search = new MiniSearch<Section>({
        idField: "address",
        fields: ["title", "page", "text"],
        storeFields: ["address", "title", "page", "text"],
        searchOptions: {
          boost: { title: 4, page: 2 },
          prefix: true,
          combineWith: "AND",
        },
      });
      search.addAll(globalThis.docsSections ?? []);
      resolve(search);
    });
    document.head.append(script);
  });
  return index;
}

async function show(input: HTMLInputElement, found: HTMLOListElement): Promise<void> {
  const asked = input.value.trim();
  const search = await loadIndex();
  // A newer key was pressed while this one waited for the index.
  if (input.value.trim() !== asked) return;
  if (asked === "") {
    close(input, found);
    return;
  }
  const exact = search.search(asked);
  // A misspelt word is guessed at only where the words as typed are nowhere.
  const results = (exact.length > 0 ? exact : search.search(asked, { fuzzy: 0.3 })).slice(
    0,
    SHOWN_MAX,
  );
  found.replaceChildren(...(results.length === 0 ? [nothing(asked)] : results.map(row)));
  found.hidden = false;
  input.setAttribute("aria-expanded", "true");
  choose(found, 0);
}

function row(result: SearchResult): HTMLLIElement {
  const { address, title, page, text } = result as SearchResult & Section;
  const item = document.createElement("li");
  item.setAttribute("role", "option");
  const link = document.createElement("a");
  link.href = `${base}/${address}`;
  const name = document.createElement("b");
  name.textContent = title === page ? page : `${page} › ${title}`;
  const said = document.createElement("span");
  said.append(...excerpt(text, result.terms));
  link.append(name, said);
  item.append(link);
  return item;
}

function nothing(asked: string): HTMLLIElement {
  const item = document.createElement("li");
  item.className = "nothing";
  item.textContent = `Nothing has “${asked}”.`;
  return item;
}

/** The text around the first word that was found, with that word marked. */
function excerpt(text: string, terms: readonly string[]): (string | Node)[] {
  const low = text.toLowerCase();
  const hits = terms.map((term) => ({ term, at: low.indexOf(term) })).filter(({ at }) => at >= 0);
  const first = hits.sort((one, other) => one.at - other.at)[0];
  if (first === undefined) return [text.slice(0, EXCERPT.after)];
  const { term, at } = first;
  const from = Math.max(0, at - EXCERPT.before);
  const mark = document.createElement("mark");
  mark.textContent = text.slice(at, at + term.length);
  const lead = from === 0 ? "" : "…";
  return [lead + text.slice(from, at), mark, text.slice(at + term.length, at + EXCERPT.after)];
}

function steer(event: KeyboardEvent, input: HTMLInputElement, found: HTMLOListElement): void {
  if (event.key === "Escape") {
    close(input, found);
    input.blur();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    choose(found, chosen + (event.key === "ArrowDown" ? 1 : -1));
  } else if (event.key === "Enter") {
    found.querySelector<HTMLAnchorElement>('[aria-selected="true"] a')?.click();
    close(input, found);
  }
}

function choose(found: HTMLOListElement, wanted: number): void {
  const rows = [...found.querySelectorAll('[role="option"]')];
  chosen = Math.max(0, Math.min(wanted, rows.length - 1));
  for (const [at, item] of rows.entries()) {
    item.setAttribute("aria-selected", String(at === chosen));
    if (at === chosen) item.scrollIntoView({ block: "nearest" });
  }
}

function close(input: HTMLInputElement, found: HTMLOListElement): void {
  found.hidden = true;
  input.setAttribute("aria-expanded", "false");
}
