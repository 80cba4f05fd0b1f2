/**
 * POST /v1/sessions/:id/exec and …/code: work in a session with one call. A caller who leaves ends
 * what runs, unless it has an Idempotency-Key and may come again for the answer.
 */
import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { HubError } from "../../../base/hub-error.ts";
import { RepeatBook } from "../../work/repeat-book.ts";
import type { WorkResult } from "../../../protocol/api/work.ts";
import type { WorkRequest } from "../../work/work-room.ts";
import type { RouteOptions } from "../http.ts";
import { waitOf } from "../query.ts";
import { requestKeyOf } from "../request-key.ts";
import { CodeBody, codeWork, ExecBody, execWork, WORK_BODY_BYTES_MAX } from "../work-request.ts";
import { streamWishOf, WorkStream } from "../work-stream.ts";

/** A session that starts or heals is waited for, as long as a good start takes. */
const ON_ITS_WAY_MS = 30_000;

type Id = { Params: { id: string } };

export function addWorkRoutes(app: FastifyInstance, options: RouteOptions): void {
  const { sessionsOf, hub, work, clock } = options;
  const book = new RepeatBook<WorkResult>(clock);

  const answer = async (
    request: FastifyRequest<Id>,
    reply: FastifyReply,
    wanted: WorkRequest,
  ): Promise<WorkResult | undefined> => {
    const waitMs = waitOf(request, ON_ITS_WAY_MS);
    const session = sessionsOf(request).find(request.params.id);
    await hub.verdict(session, waitMs);
    const wish = streamWishOf(request);
    const stream = wish === null ? null : new WorkStream(reply, wish, clock);
    const { key } = wanted;
    const watcher = stream?.watcher ?? null;
    try {
      const own = key === null ? whenLeft(reply) : new AbortController().signal;
      const run = () => work.run(session, wanted, own, watcher);
      const name = `${session.record.id} ${key ?? ""}`;
      const result = await (key === null ? run() : book.once(name, digestOf(request.body), run));
      if (stream === null) return result;
      stream.ended(result);
    } catch (error) {
      if (stream?.begun !== true) throw error;
      stream.failed(error);
    } finally {
      stream?.stop();
    }
    return undefined;
  };

  app.post<Id & { Body: ExecBody }>(
    "/v1/sessions/:id/exec",
    { schema: { body: ExecBody }, bodyLimit: WORK_BODY_BYTES_MAX },
    (request, reply) => answer(request, reply, execWork(request.body, requestKeyOf(request))),
  );
  app.post<Id & { Body: CodeBody }>(
    "/v1/sessions/:id/code",
    { schema: { body: CodeBody }, bodyLimit: WORK_BODY_BYTES_MAX },
    (request, reply) => answer(request, reply, codeWork(request.body, requestKeyOf(request))),
  );
}

/** Aborts when the caller hangs up before the answer is written. */
function whenLeft(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (reply.raw.writableFinished) return;
    controller.abort(new HubError("Interrupted", "the caller left before the end"));
  });
  return controller.signal;
}

function digestOf(body: unknown): string {
  return createHash("sha256").update(JSON.stringify(body)).digest("base64url");
}
