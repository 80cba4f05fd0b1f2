import type { FastifyReply, FastifyRequest } from "fastify";
import type { Refusal } from "../outcome.ts";
import { envelope } from "./envelope.ts";

/** The one door from a refusal to HTTP. */
export function sendRefusal(
  request: FastifyRequest,
  reply: FastifyReply,
  refusal: Refusal,
): FastifyReply {
  return reply.code(refusal.status).send(envelope(request.url, refusal.status, refusal.message));
}
