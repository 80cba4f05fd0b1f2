/** One git request: its fields, read with all mistakes told at once, and what it becomes. */
import type { Credentials, GitResult, GitRun } from "./git-command.ts";
import { empty } from "./reply.ts";
import type { Reply } from "./reply.ts";

export type Git = (
  args: readonly string[],
  more?: Partial<Omit<GitRun, "args">>,
) => Promise<GitResult>;

/** Reads the request first and acts second: nothing is run for one with a mistake in it. */
export type GitVerb = (asked: GitRequest) => (git: Git, path: string) => Promise<Reply>;

export function answer(result: GitResult, make: (text: string) => Reply = () => empty(200)): Reply {
  return result.ok ? make(result.text) : result.reply;
}

export class GitRequest {
  readonly problems: string[] = [];
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(fields: Readonly<Record<string, unknown>>) {
    this.#fields = fields;
  }

  /** Undefined when absent, null or empty: the SDK sends all three. */
  maybe(key: string): string | undefined {
    const value = this.#fields[key];
    if (value === undefined || value === null || value === "") return undefined;
    if (typeof value === "string" && !value.includes("\0")) return value;
    this.problems.push(`${key} must be a string without NUL`);
    return undefined;
  }

  text(key: string): string {
    const value = this.maybe(key);
    if (value === undefined) this.problems.push(`${key} is required`);
    return value ?? "";
  }

  /** A name that git must not take for an option. */
  maybeName(key: string): string | undefined {
    const value = this.maybe(key);
    if (value?.startsWith("-") === true) this.problems.push(`${key} must not begin with a dash`);
    return value;
  }

  name(key: string): string {
    const value = this.maybeName(key);
    if (value === undefined) this.problems.push(`${key} is required`);
    return value ?? "";
  }

  flag(key: string): boolean {
    return this.#fields[key] === true;
  }

  whole(key: string): number | undefined {
    const value = this.#fields[key];
    if (value === undefined || value === null) return undefined;
    if (Number.isInteger(value) && Number(value) > 0) return Number(value);
    this.problems.push(`${key} must be a positive integer`);
    return undefined;
  }

  oneOf<Word extends string>(key: string, words: readonly Word[], fallback: Word): Word {
    const value = this.maybe(key) ?? fallback;
    const found = words.find((word) => word === value);
    if (found === undefined) this.problems.push(`${key} must be one of ${words.join(", ")}`);
    return found ?? fallback;
  }

  list(key: string): string[] {
    const value = this.#fields[key] ?? [];
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    this.problems.push(`${key} must be a list of strings`);
    return [];
  }

  credentials(): Credentials | undefined {
    const username = this.maybe("username");
    const password = this.maybe("password");
    if (username === undefined || password === undefined) return undefined;
    return { username, password };
  }
}
