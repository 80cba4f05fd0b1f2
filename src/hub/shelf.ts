/**
 * Where a small book of the hub is kept as a whole: here the one of a hub of its own, in a file of
 * the state directory that is replaced with each change. The one of several hubs is
 * cluster/shared-rights.ts.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { HubError } from "../base/hub-error.ts";

export interface Shelf<T> {
  /** As far as this hub knows. */
  readonly all: readonly T[];
  /**
   * `decide` is told what is true, and again when another hub was faster. There once a power cut
   * cannot take it back, and before it is true here: what was taken back stays so over a restart.
   * @throws HubError HomeNotWritable, StoreUnreachable, and what `decide` throws
   */
  change(decide: (all: readonly T[]) => readonly T[]): Promise<void>;
  /** Told of each change, also of those that other hubs made. */
  onChange(told: (all: readonly T[]) => void): void;
}

/** What stands in the file. */
export interface BookForm<T> {
  /** Null for what is no book of this form. */
  read(book: unknown): readonly T[] | null;
  write(all: readonly T[]): object;
}

export class FileShelf<T> implements Shelf<T> {
  readonly #path: string;
  readonly #form: BookForm<T>;
  readonly #told: ((all: readonly T[]) => void)[] = [];
  #all: readonly T[];

  /** @throws HubError StoreCorrupt, HomeNotWritable: the hub does not start with it then */
  constructor(path: string, form: BookForm<T>) {
    this.#path = path;
    this.#form = form;
    this.#all = existsSync(path) ? parse(path, form) : [];
  }

  get all(): readonly T[] {
    return this.#all;
  }

  // In one turn, so that no two changes meet; async, so that a refusal is told in one way only.
  async change(decide: (all: readonly T[]) => readonly T[]): Promise<void> {
    const next = decide(this.#all);
    const text = `${JSON.stringify(this.#form.write(next), null, 1)}\n`;
    try {
      writeFileSync(`${this.#path}.new`, text, { mode: 0o600, flush: true });
      renameSync(`${this.#path}.new`, this.#path);
    } catch (cause) {
      throw new HubError("HomeNotWritable", `${this.#path}: ${String(cause)}`, { cause });
    }
    this.#all = next;
    for (const told of this.#told) told(next);
  }

  onChange(told: (all: readonly T[]) => void): void {
    this.#told.push(told);
  }
}

function parse<T>(path: string, form: BookForm<T>): readonly T[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new HubError("HomeNotWritable", `${path} cannot be read: ${String(cause)}`, { cause });
  }
  let book: unknown;
  try {
    book = JSON.parse(text);
  } catch (cause) {
    throw new HubError("StoreCorrupt", `${path} is no JSON`, { cause });
  }
  const all = form.read(book);
  if (all === null) throw new HubError("StoreCorrupt", `${path} is no book of this version`);
  return all;
}
