/**
 * From the text of one setting to its value and back, by the setting's kind. Pure, and without
 * knowledge of where the text was: that is config.ts.
 */
import { parseDuration, writeDuration } from "./duration.ts";
import { nearestName } from "./nearest.ts";
import { parseRetry, writeRetry, type RetryPolicy } from "./retry.ts";
import type { Setting, SettingKind } from "./config-table.ts";

/** Where a hub or a platform listens. Port 0 lets the kernel choose. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export type SettingValue = string | number | readonly number[] | Address | RetryPolicy | null;

type Parsed = { value: SettingValue } | { problem: string };

export function parseValue(
  setting: Setting,
  text: string,
  resolvePath: (path: string) => string,
): Parsed {
  const [min, max] = setting.range ?? [0, Number.MAX_SAFE_INTEGER];
  switch (setting.kind) {
    case "path":
      return { value: resolvePath(text) };
    case "url":
      return parseUrl(text);
    case "address":
      return parseAddress(text);
    case "choice":
      return parseChoice(text, setting.choices ?? []);
    case "secret":
      // The value goes into an HTTP header, where a control character would be refused much later.
      return /^[\x21-\x7e]+$/.test(text)
        ? { value: text }
        : { problem: "a secret is made of printable characters without spaces" };
    case "text":
      return { value: text };
    case "duration":
      return durationBetween(text, min, max);
    case "idle":
      return parseIdle(text, min, max);
    case "durations":
      return parseList(text, min, max);
    case "count":
      return parseCount(text, min, max);
    case "retry":
      return parseRetry(text);
  }
}

/** The text that parses to this value; null stays unset. */
export function writeValue(kind: SettingKind, value: SettingValue): string | null {
  if (value === null) return kind === "idle" ? NEVER : null;
  if (typeof value === "string") return value;
  if (typeof value === "number") return kind === "count" ? String(value) : writeDuration(value);
  if (isList(value)) return value.length === 0 ? "none" : value.map(writeDuration).join(",");
  return isAddress(value) ? formatAddress(value) : writeRetry(value);
}

export function formatAddress(address: Address): string {
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

function isList(value: object): value is readonly number[] {
  return Array.isArray(value);
}

function isAddress(value: object): value is Address {
  return "port" in value;
}

function parseUrl(text: string): Parsed {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    return { problem: `"${text}" is not an http:// or https:// URL` };
  }
  if (url.username !== "" || url.password !== "") {
    return { problem: "a URL with a password in it ends up in logs: give the secret separately" };
  }
  return { value: text.replace(/\/+$/, "") };
}

function parseAddress(text: string): Parsed {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    return { problem: `"${text}" is not HOST:PORT, for example 127.0.0.1:7070 or [::1]:7070` };
  }
  return { value: { host, port } };
}

function parseChoice(text: string, choices: readonly string[]): Parsed {
  if (choices.includes(text)) return { value: text };
  const near = nearestName(text, choices);
  const guess = near === null ? "" : ` (did you mean ${near}?)`;
  return { problem: `"${text}" is none of ${choices.join(", ")}${guess}` };
}

function durationBetween(text: string, min: number, max: number): { value: number } | Problem {
  const durationMs = parseDuration(text);
  const between = `from ${writeDuration(min)} to ${writeDuration(max)}`;
  if (durationMs === null) {
    if (/^-/.test(text)) return { problem: `"${text}" is negative; it is a time ${between}` };
    if (/^\d+(\.\d+)?$/.test(text)) {
      return { problem: `"${text}" has no unit: write ${text}s or ${text}ms` };
    }
    return { problem: `"${text}" is no duration, for example 500ms, 90s or 1m30s` };
  }
  if (durationMs >= min && durationMs <= max) return { value: durationMs };
  return { problem: `"${text}" is not ${between}` };
}

type Problem = { problem: string };

/** Said as a word: a zero that means for ever is how sandboxes run for weeks unseen. */
const NEVER = "never";

function parseIdle(text: string, min: number, max: number): Parsed {
  if (text === NEVER) return { value: null };
  if (/^0(ms|s|m|h|d)?$/.test(text)) {
    return { problem: `"${text}" would mean at once or for ever: write a time, or ${NEVER}` };
  }
  const parsed = durationBetween(text, min, max);
  if ("problem" in parsed || parsed.value % 60_000 === 0) return parsed;
  return { problem: `"${text}" is not in whole minutes, which is how platforms count` };
}

function parseList(text: string, min: number, max: number): Parsed {
  if (text.trim() === "none") return { value: [] };
  const parts = text.split(",").map((part) => durationBetween(part.trim(), min, max));
  const problems = parts.flatMap((part) => ("problem" in part ? [part.problem] : []));
  if (problems.length > 0) return { problem: problems.join("; ") };
  return { value: parts.flatMap((part) => ("value" in part ? [part.value] : [])) };
}

function parseCount(text: string, min: number, max: number): Parsed {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : null;
  if (value !== null && value >= min && value <= max) return { value };
  return { problem: `"${text}" is not a whole number from ${min} to ${max}` };
}
