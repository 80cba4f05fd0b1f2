/** /v1/backup: the whole of what this hub keeps, as one file. Who has it has every key in it. */
import type { FastifyInstance } from "fastify";
import type { RouteOptions } from "../http.ts";

export function addBackupRoute(app: FastifyInstance, { backup }: RouteOptions): void {
  app.get("/v1/backup", { exposeHeadRoute: false }, async (_, reply) => {
    const packed = await backup();
    return reply.type("application/gzip").header("cache-control", "no-store").send(packed);
  });
}
