/** The Idempotency-Key of a request: what is asked again under it is done once. */
import type { FastifyRequest } from "fastify";
import { HubError } from "../../base/hub-error.ts";

const KEY_CHARS_MAX = 512;

/** Null without one. @throws HubError BadRequest */
export function requestKeyOf({ headers }: FastifyRequest): string | null {
  const key = headers["idempotency-key"];
  if (key === undefined || key === "") return null;
  if (typeof key === "string" && key.length <= KEY_CHARS_MAX) return key;
  throw new HubError("BadRequest", `Idempotency-Key: one of at most ${KEY_CHARS_MAX} characters`);
}
