/**
 * Which request something happens for: its id, and its span where there is a collector. It is known
 * from the request's first hook until its answer is sent; what goes on behind it is nobody's.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Clock } from "../../base/clock.ts";
import type { OpenSpan, SpanPlace, Telemetry } from "../telemetry/telemetry.ts";

interface Asking {
  readonly requestId: string;
  readonly span: OpenSpan | null;
  isOpen: boolean;
}

export class AskingBook {
  readonly #current = new AsyncLocalStorage<Asking>();

  /** The id of the request that is being answered; undefined when this is for none. */
  get requestId(): string | undefined {
    const asking = this.#current.getStore();
    return asking?.isOpen === true ? asking.requestId : undefined;
  }

  get place(): SpanPlace | null {
    const asking = this.#current.getStore();
    return asking?.isOpen === true ? asking.span : null;
  }

  /** Must be called before the routes are added. */
  follow(app: FastifyInstance, telemetry: Telemetry | null, clock: Clock): void {
    const asked = new WeakMap<FastifyRequest, Asking>();
    app.addHook("onRequest", (request, reply, done) => {
      void reply.header("x-request-id", request.id);
      const span = telemetry === null ? null : spanOf(telemetry, request, clock.now());
      const asking = { requestId: request.id, span, isOpen: true };
      asked.set(request, asking);
      this.#current.run(asking, done);
    });
    app.addHook("onResponse", (request, reply, done) => {
      const asking = asked.get(request);
      if (asking !== undefined) {
        asking.isOpen = false;
        const { statusCode } = reply;
        const wrong = statusCode >= 500 ? `answered ${statusCode}` : null;
        asking.span?.end(clock.now(), wrong, { "http.response.status_code": statusCode });
      }
      done();
    });
  }
}

/** What changes something is traced, and what a caller traces; others only look, and often. */
function spanOf(telemetry: Telemetry, request: FastifyRequest, at: number): OpenSpan | null {
  const { method, routeOptions, headers, id } = request;
  const { traceparent } = headers;
  const parent = typeof traceparent === "string" ? telemetry.placeOf(traceparent) : null;
  if (parent === null && (method === "GET" || method === "HEAD")) return null;
  const route = routeOptions.url ?? "(no such route)";
  return telemetry.begin({
    name: `${method} ${route}`,
    parent,
    kind: "server",
    at,
    facts: {
      "http.request.method": method,
      "http.route": route,
      "holdfast.request.id": id,
    },
  });
}
