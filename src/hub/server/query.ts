/** Numbers and flags in a query string: what is given is checked, never bent. */
import type { FastifyRequest } from "fastify";
import { HubError } from "../../base/hub-error.ts";

const WAIT_SECONDS_MAX = 600;
const TIMELINE_MAX = 1_000;

/** `?wait=SECONDS` in ms; absent means not to wait, unless the place says for how long. */
export function waitOf(request: FastifyRequest, unsaidMs = 0): number {
  return numberOf(request, "wait", unsaidMs / 1_000, 0, WAIT_SECONDS_MAX) * 1_000;
}

/** @throws HubError BadRequest that names the key. */
export function numberOf(
  request: FastifyRequest,
  key: string,
  fallback: number,
  min: number,
  max: number,
): number {
  // A key that is given twice comes as a list.
  const text = (request.query as Record<string, unknown>)[key];
  if (text === undefined) return fallback;
  const value = typeof text === "string" && text.trim() !== "" ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new HubError(
    "BadRequest",
    `query: ${key} is ${JSON.stringify(text)}, not ${min} to ${max}`,
  );
}

/** `?dryRun=true`: only what has a plan can be run dry. */
export function dryRunOf(request: FastifyRequest, hasPlan: boolean): boolean {
  const dryRun = flagOf(request, "dryRun", false);
  if (dryRun && !hasPlan) throw new HubError("BadRequest", "query: dryRun is for retry alone");
  return dryRun;
}

/** `true` or `false`; no other text is yes or no. @throws HubError BadRequest */
export function flagOf(request: FastifyRequest, key: string, fallback: boolean): boolean {
  const said = (request.query as Record<string, unknown>)[key];
  if (said === undefined) return fallback;
  if (said === "true" || said === "false") return said === "true";
  throw new HubError("BadRequest", `query: ${key} is ${JSON.stringify(said)}, not true or false`);
}

/** A page of a timeline; `before` is what its cursor holds. @throws HubError BadRequest */
export function timelineQueryOf(request: FastifyRequest): {
  readonly limit: number;
  readonly before: number | null;
} {
  const given = request.query as Record<string, unknown>;
  knowsAll(given, ["limit", "cursor"]);
  const limit = Math.floor(numberOf(request, "limit", TIMELINE_MAX, 1, TIMELINE_MAX));
  const { cursor } = given;
  if (cursor === undefined) return { limit, before: null };
  if (typeof cursor === "string" && /^[1-9]\d{0,14}$/.test(cursor)) {
    return { limit, before: Number(cursor) };
  }
  const said = `query: cursor is ${JSON.stringify(cursor)}, no \`nextCursor\` of a page before`;
  throw new HubError("BadRequest", said);
}

/** A filter with a typing error must not answer with everything. @throws HubError BadRequest */
export function knowsAll(given: Readonly<Record<string, unknown>>, keys: readonly string[]): void {
  const unknown = Object.keys(given).find((key) => !keys.includes(key));
  if (unknown === undefined) return;
  const known = keys.join(", ");
  throw new HubError("BadRequest", `query: ${unknown} is not known; there are ${known}`);
}
