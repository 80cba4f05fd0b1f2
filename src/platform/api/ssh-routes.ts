/** SSH access: no gateway leads to sandboxes of this machine, so no token is ever good. */
import type { SshAccessValidationDto } from "@daytona/api-client";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Platform } from "../platform.ts";
import { sandboxNotFound } from "../sandbox/rules.ts";
import { sendRefusal } from "./refusal.ts";
import { heldOf } from "./sandbox-routes.ts";

const message =
  "the local platform does not offer SSH access to sandboxes: it has no SSH gateway. " +
  "Use `holdfast ssh`, which goes through the hub.";

export function sshRoutes(app: FastifyInstance, platform: Platform): void {
  const refuseAll = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const { id } = request.params as { id: string };
    const isKnown = heldOf(platform, request) !== undefined;
    const refusal = isKnown ? { status: 501, message } : sandboxNotFound(id).refusal;
    return sendRefusal(request, reply, refusal);
  };
  app.post("/api/sandbox/:id/ssh-access", refuseAll);
  app.delete("/api/sandbox/:id/ssh-access", refuseAll);
  app.get("/api/sandbox/ssh-access/validate", (_request, reply) => {
    const answer = { valid: false, sandboxId: null };
    return reply.send(answer satisfies Record<keyof SshAccessValidationDto, unknown>);
  });
}
