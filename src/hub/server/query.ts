/** Numbers and flags in a query string: what is given is checked, never bent. */
import type { FastifyRequest } from "fastify";
import { HubError } from "../../base/hub-error.ts";

const WAIT_SECONDS_MAX = 600;

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
