/**
 * The settings of the parsed config file as texts by name: groups are objects in it, and all else
 * is a text. Knows the names that may stand there; what a text means is not decided here.
 */
import { settings } from "./config-table.ts";
import { nearestName } from "./nearest.ts";

export interface FileMistake {
  readonly key: string;
  readonly message: string;
}

export interface FileSettings {
  readonly texts: ReadonlyMap<string, string>;
  readonly mistakes: readonly FileMistake[];
}

export function fileSettings(content: unknown): FileSettings {
  const texts = new Map<string, string>();
  const mistakes: FileMistake[] = [];
  if (!isObject(content)) {
    mistakes.push({ key: "(file)", message: "the file must hold one JSON object" });
    return { texts, mistakes };
  }
  const names = fileNames();
  const groups = new Set(names.flatMap((name) => name.match(/^[^.]+(?=\.)/) ?? []));
  const take = (key: string, value: unknown): void => {
    const message = whyNot(key, value, names);
    if (message === null) texts.set(key, String(value));
    else mistakes.push({ key, message });
  };
  for (const [key, value] of Object.entries(content)) {
    if (key === "$schema") continue;
    if (!groups.has(key)) take(key, value);
    else if (!isObject(value)) {
      const message = `the value must be an object: {"${key}": {"${firstOf(key, names)}": "…"}}`;
      mistakes.push({ key, message });
    } else for (const [inner, text] of Object.entries(value)) take(`${key}.${inner}`, text);
  }
  return { texts, mistakes };
}

export function unknownName(what: string, typed: string, known: readonly string[]): string {
  const near = nearestName(typed, known);
  return near === null
    ? `unknown ${what}; \`holdfast config show\` lists all`
    : `unknown ${what}; did you mean ${near}?`;
}

function whyNot(key: string, value: unknown, names: readonly string[]): string | null {
  if (key === "home") return "home says where this file is; it cannot be set in it";
  if (!names.includes(key)) return unknownName("setting", key, names);
  if (typeof value === "string") return null;
  const isCount = settings.some(({ name, kind }) => name === key && kind === "count");
  if (isCount && typeof value === "number") return null;
  return "the value must be a text in double quotes";
}

function fileNames(): string[] {
  return settings.flatMap(({ name, kind }) => {
    if (name === "home") return [];
    return kind === "secret" ? [name, `${name}File`] : [name];
  });
}

function firstOf(group: string, names: readonly string[]): string {
  return names.find((name) => name.startsWith(`${group}.`))?.slice(group.length + 1) ?? "";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
