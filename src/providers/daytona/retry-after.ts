/**
 * How long a platform asks to be left alone. Daytona answers 429 with `Retry-After-<limit>`, one
 * for each limit that was hit; proxies in front of it answer with the plain header.
 */
import type { RetryAfter } from "../../base/hub-error.ts";

const NAME = /^retry-after(?:-(.+))?$/i;

/** The longest wait that the headers name; null when they name none that can be read. */
export function readRetryAfter(headers: unknown): RetryAfter | null {
  const all = textHeaders(headers);
  const answeredAt = all.find(([name]) => name.toLowerCase() === "date")?.[1] ?? "";
  let longest: RetryAfter | null = null;
  for (const [name, value] of all) {
    const match = NAME.exec(name);
    const waitMs = match === null ? null : waitOf(value, answeredAt);
    if (waitMs === null || waitMs <= (longest?.waitMs ?? -1)) continue;
    longest = { waitMs, scope: match?.[1]?.toLowerCase() ?? null };
  }
  return longest;
}

/** Seconds, or a date, which is measured by the platform's own clock. */
function waitOf(value: string, answeredAt: string): number | null {
  const text = value.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000;
  const untilMs = Date.parse(text) - Date.parse(answeredAt);
  return Number.isFinite(untilMs) ? Math.max(0, untilMs) : null;
}

/** What fetch, axios and a plain object have in common; a value that is no text is left out. */
function textHeaders(headers: unknown): readonly (readonly [string, string])[] {
  if (typeof headers !== "object" || headers === null) return [];
  const pairs: Iterable<readonly unknown[]> =
    headers instanceof Headers ? headers : Object.entries(headers);
  return [...pairs].flatMap(([name, value]) =>
    typeof name === "string" && (typeof value === "string" || typeof value === "number")
      ? [[name, String(value)] as const]
      : [],
  );
}
