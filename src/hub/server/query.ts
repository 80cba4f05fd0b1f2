/** Numbers in a query string: what is given is checked, never bent. */
import type { FastifyRequest } from "fastify";
import { HubError } from "../../base/hub-error.ts";

const WAIT_SECONDS_MAX = 600;

/** `?wait=SECONDS` in ms; absent means not to wait. */
export function waitOf(request: FastifyRequest): number {
  return numberOf(request, "wait", 0, 0, WAIT_SECONDS_MAX) * 1000;
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

/** `?dryRun=true`: only what has a plan can be run dry; no other text is yes or no. */
export function dryRunOf(request: FastifyRequest, hasPlan: boolean): boolean {
  const said = (request.query as Record<string, unknown>)["dryRun"];
  if (said === undefined || said === "false") return false;
  if (said !== "true") {
    throw new HubError("BadRequest", `query: dryRun is ${JSON.stringify(said)}, not true or false`);
  }
  if (!hasPlan) throw new HubError("BadRequest", "query: dryRun is for retry alone");
  return true;
}
