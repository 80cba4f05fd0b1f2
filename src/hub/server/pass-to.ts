/**
 * The way of a request to the hub that has its session: there with all of it, and its answer back
 * as it comes. Who may ask for the session is looked at before.
 */
import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { HubError } from "../../base/hub-error.ts";
import type { Elsewhere } from "../cluster/company.ts";
import { spliceRequest } from "../cluster/splice.ts";
import { PROBLEM_TYPE, problemOf, retryAfterOf } from "./problem.ts";

export interface Passed {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/**
 * False when the session is here, or nowhere, and the request to be answered here. `body` is what
 * was read of it already. @throws HubError SessionMoved
 */
export async function passTo(
  session: string,
  { request, reply }: Passed,
  elsewhere: Pick<Elsewhere, "reach">,
  body: string | null = null,
): Promise<boolean> {
  const way = await elsewhere.reach(session, false);
  if (way === null) return false;
  reply.hijack();
  const to = { peer: way.peer, as: request.principal, body };
  spliceRequest(request.raw, reply.raw, to, (error) => {
    const said = `the hub ${way.to} broke off: ${error.message}`;
    answerRaw(reply.raw, new HubError("SessionMoved", said, { outcomeUnknown: true }));
  });
  return true;
}

function answerRaw(response: ServerResponse, error: HubError): void {
  const problem = problemOf(error);
  const seconds = String(retryAfterOf(problem.status) ?? 1);
  response.writeHead(problem.status, { "content-type": PROBLEM_TYPE, "retry-after": seconds });
  response.end(JSON.stringify(problem));
}
