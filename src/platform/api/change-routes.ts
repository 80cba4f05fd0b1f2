/** What makes a sandbox another one: archive, fork, snapshot, size, network. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Outcome } from "../outcome.ts";
import type { Platform } from "../platform.ts";
import { fork, snapshotOf } from "../sandbox/copies.ts";
import { changeNetwork } from "../sandbox/network-change.ts";
import type { Held } from "../sandbox/registry.ts";
import { resize } from "../sandbox/resize.ts";
import { sandboxNotFound } from "../sandbox/rules.ts";
import { heldOf, sendHeld } from "./sandbox-routes.ts";

type Change = (
  held: Held,
  fields: Record<string, unknown>,
) => Promise<Outcome<Held>> | Outcome<Held>;

export function changeRoutes(app: FastifyInstance, platform: Platform): void {
  const change = (suffix: string, work: Change): void => {
    app.post(`/api/sandbox/:id/${suffix}`, async (request, reply) => {
      const held = heldOf(platform, request);
      const { id } = request.params as { id: string };
      const outcome =
        held === undefined ? sandboxNotFound(id) : await work(held, fieldsOf(request));
      return sendHeld(platform, request, reply, outcome);
    });
  };
  change("archive", (held) => platform.lifecycle.archive(held));
  change("fork", (held, { name }) => fork(platform, held, name));
  change("snapshot", (held, { name }) => snapshotOf(platform, held, name));
  change("resize", (held, fields) => resize(platform, held, fields));
  change("network-settings", (held, fields) => changeNetwork(platform, held, fields));
}

function fieldsOf({ body }: FastifyRequest): Record<string, unknown> {
  return typeof body === "object" && body !== null ? { ...body } : {};
}
