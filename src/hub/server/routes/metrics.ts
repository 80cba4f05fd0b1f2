/** /metrics: the hub in numbers, for a token that may read them. */
import type { FastifyInstance } from "fastify";
import type { RouteOptions } from "../http.ts";

export function addMetricsRoute(app: FastifyInstance, { metrics }: RouteOptions): void {
  app.get("/metrics", async (_, reply) => {
    void reply.type(metrics.contentType);
    return metrics.text();
  });
}
