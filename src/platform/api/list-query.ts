/** GET /sandbox: filters and cursor pages over the records. Pure. */
import { done, refuse } from "../outcome.ts";
import type { Outcome } from "../outcome.ts";
import type { SandboxRecord } from "../sandbox/record.ts";

export interface Page {
  items: SandboxRecord[];
  nextCursor: string | null;
}

const DEFAULT_LIMIT = 100;
const LIMIT_MAX = 200;

type SortKey = "name" | "createdAt" | "lastActivityAt";

const sortKeys: readonly string[] = ["name", "createdAt", "lastActivityAt"] satisfies SortKey[];

export function listPage(
  query: Record<string, unknown>,
  records: readonly SandboxRecord[],
): Outcome<Page> {
  const limit = Number(query["limit"] ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit < 1) return refuse(400, "limit must not be less than 1");
  if (limit > LIMIT_MAX) return refuse(400, `limit must not be greater than ${LIMIT_MAX}`);
  const labels = labelFilter(query["labels"]);
  if (labels === undefined) return refuse(400, "labels must be a JSON object of strings");
  const sort = textOf(query["sort"]) ?? "createdAt";
  if (!sortKeys.includes(sort)) return refuse(400, `sort must be one of ${sortKeys.join(", ")}`);
  const sign = textOf(query["order"]) === "asc" ? 1 : -1;
  const key = sort as SortKey;
  const states = listOf(query["states"]);
  const wanted = records
    .filter((one) => one.id.startsWith(textOf(query["id"]) ?? ""))
    .filter((one) => one.name.startsWith(textOf(query["name"]) ?? ""))
    .filter((one) => states.length === 0 || states.includes(one.state))
    .filter((one) => Object.entries(labels).every(([name, value]) => one.labels[name] === value))
    .sort((a, b) => sign * compare([a[key], a.id], [b[key], b.id]));
  const after = cursorOf(query["cursor"]);
  if (after === undefined) return refuse(400, "cursor is not valid");
  const from =
    after === null ? wanted : wanted.filter((one) => sign * compare([one[key], one.id], after) > 0);
  const items = from.slice(0, limit);
  const last = items.at(-1);
  const more = from.length > items.length && last !== undefined;
  return done({ items, nextCursor: more ? encodeCursor([last[key], last.id]) : null });
}

type Position = readonly [string, string];

function compare(a: Position, b: Position): number {
  if (a[0] !== b[0]) return a[0] < b[0] ? -1 : 1;
  if (a[1] === b[1]) return 0;
  return a[1] < b[1] ? -1 : 1;
}

function encodeCursor(position: Position): string {
  return Buffer.from(JSON.stringify(position)).toString("base64url");
}

/** Null for no cursor, undefined for one that this platform never gave out. */
function cursorOf(value: unknown): Position | null | undefined {
  if (value === undefined || value === "") return null;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(textOf(value) ?? "", "base64url").toString());
    if (Array.isArray(parsed) && parsed.length === 2 && parsed.every(isText)) {
      return [String(parsed[0]), String(parsed[1])];
    }
  } catch {
    // The same answer as for a cursor of another shape.
  }
  return undefined;
}

function labelFilter(value: unknown): Record<string, string> | undefined {
  if (value === undefined || value === "") return {};
  try {
    const parsed: unknown = JSON.parse(textOf(value) ?? "");
    if (typeof parsed === "object" && parsed !== null && Object.values(parsed).every(isText)) {
      return parsed as Record<string, string>;
    }
  } catch {
    // The same answer as for JSON of another shape.
  }
  return undefined;
}

function listOf(value: unknown): string[] {
  if (value === undefined || value === "") return [];
  return (Array.isArray(value) ? value : [value]).filter(isText).flatMap((text) => text.split(","));
}

function textOf(value: unknown): string | undefined {
  return isText(value) ? value : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
