/**
 * A YAML file whose mistakes are told all at once, each with its key and its line. Reads shapes;
 * what they mean is the reader's.
 */
import { readFile } from "node:fs/promises";
import { isNode, isScalar, LineCounter, parseDocument } from "yaml";
import { HubError } from "../../base/hub-error.ts";
import { nearestName } from "../../base/nearest.ts";

type Path = readonly (string | number)[];

export class YamlFile {
  readonly path: string;
  readonly #doc: ReturnType<typeof parseDocument>;
  readonly #lines = new LineCounter();
  readonly #mistakes: { readonly line: number; readonly text: string }[] = [];

  private constructor(path: string, text: string) {
    this.path = path;
    this.#doc = parseDocument(text, { lineCounter: this.#lines });
    for (const { message, linePos } of this.#doc.errors) {
      const [first = "it is no YAML"] = message.split("\n");
      const text = first.replace(/ at line \d+, column \d+:?$/, "");
      this.#mistakes.push({ line: linePos?.[0].line ?? 1, text });
    }
  }

  /** @throws HubError BadRequest when it cannot be read, or is no YAML */
  static async read(path: string): Promise<YamlFile> {
    const text = await readFile(path, "utf8").catch((cause: unknown) => {
      const said = cause instanceof Error ? cause.message : String(cause);
      throw new HubError("BadRequest", `${path} cannot be read: ${said}`, { cause });
    });
    const file = new YamlFile(path, text);
    // What stands in a file that is no YAML is nobody's guess.
    file.check();
    return file;
  }

  /** The value at a path, as JSON has it; undefined where there is none. */
  at(...path: Path): unknown {
    const node: unknown = path.length === 0 ? this.#doc.contents : this.#doc.getIn(path, true);
    return isNode(node) ? (node.toJS(this.#doc) as unknown) : undefined;
  }

  /** A text; a number or yes or no counts as one, as people write them without quotes. */
  text(...path: Path): string | undefined {
    const value = this.at(...path);
    if (value === undefined) return undefined;
    if (typeof value === "string" && value.trim() !== "") return value;
    const node: unknown = this.#doc.getIn(path, true);
    const isPlain = typeof value === "number" || typeof value === "boolean";
    if (isPlain && isScalar(node)) return node.source ?? String(value);
    this.wrong(path, `is ${said(value)}, not a text`);
    return undefined;
  }

  /** One text, or a list of them. */
  texts(...path: Path): readonly string[] {
    const value = this.at(...path);
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) return [this.text(...path)].filter((text) => text !== undefined);
    return value.map((_, at) => this.text(...path, at)).filter((text) => text !== undefined);
  }

  /** Texts by name. */
  map(...path: Path): Readonly<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const key of this.keys(...path)) {
      const value = this.at(...path, key);
      // An empty variable is one, too.
      const text = value === null || value === "" ? "" : this.text(...path, key);
      if (text !== undefined) found[key] = text;
    }
    return found;
  }

  number(path: Path, { min, max }: { readonly min: number; readonly max: number }) {
    const value = this.at(...path);
    if (value === undefined) return undefined;
    if (Number.isInteger(value) && Number(value) >= min && Number(value) <= max) {
      return Number(value);
    }
    this.wrong(path, `is ${said(value)}, not a whole number from ${min} to ${max}`);
    return undefined;
  }

  /** The keys of a map; those that nobody knows are mistakes. */
  keys(...path: Path): readonly string[] {
    const value = this.at(...path);
    if (value === undefined || value === null) return [];
    if (typeof value === "object" && !Array.isArray(value)) return Object.keys(value);
    this.wrong(path, `is ${said(value)}, not a map of names`);
    return [];
  }

  /** A key that is not one of these is a mistake. */
  allow(known: readonly string[], ...path: Path): void {
    for (const key of this.keys(...path)) {
      if (known.includes(key)) continue;
      const near = nearestName(key, known);
      const hint = near === null ? `there are ${known.join(", ")}` : `do you mean ${near}?`;
      this.wrong([...path, key], `is not known here; ${hint}`);
    }
  }

  wrong(path: Path, message: string): void {
    const name = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("");
    const line = this.#lineOf(path);
    this.#mistakes.push({ line, text: `${name.replace(/^\./, "") || "the file"} ${message}` });
  }

  /** @throws HubError BadRequest with every mistake, in the order of the file */
  check(): void {
    const mistakes = this.#mistakes.toSorted((a, b) => a.line - b.line);
    if (mistakes.length === 0) return;
    const lines = mistakes.map(({ line, text }) => `\n  ${this.path}:${line}: ${text}`);
    const count = mistakes.length === 1 ? "one mistake" : `${mistakes.length} mistakes`;
    throw new HubError("BadRequest", `${count}${lines.join("")}`, {
      hint: "docs/RUN.md has every key with an example.",
    });
  }

  /** Of what is missing, that of what should have it. */
  #lineOf(path: Path): number {
    for (let length = path.length; length > 0; length--) {
      const node: unknown = this.#doc.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range !== null && node.range !== undefined)
        return this.#lines.linePos(node.range[0]).line;
    }
    return 1;
  }
}

function said(value: unknown): string {
  if (value === null || value === "") return "empty";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a map" : JSON.stringify(value);
}
