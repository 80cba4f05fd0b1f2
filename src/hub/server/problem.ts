/** The one door from faults to HTTP: RFC 9457 problem+json with the code of the registry. */
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { toHubError, HubError } from "../../base/hub-error.ts";
import type { WorkAttempt } from "../../protocol/api/work.ts";
import { faultUrn } from "../../protocol/fault-urn.ts";
import { WorkFailed } from "../work/attempts.ts";

/** What is full now has room again after a breath, or after many of them. */
const RETRY_AFTER_SECONDS = 2;

export const PROBLEM_TYPE = "application/problem+json";

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly hint: string;
  /** Of work in a session: every try with its reason. */
  readonly attempts?: readonly WorkAttempt[];
}

export function problemOf(error: unknown): Problem {
  const fault = asHubError(error);
  const status = fault.kind.http;
  return {
    type: faultUrn(fault.code),
    title: STATUS_CODES[status] ?? "Error",
    status,
    // What we did wrong inside is for the log, not for the answer.
    detail: fault.code === "Internal" ? "the hub failed" : fault.message,
    code: fault.code,
    hint: fault.hint,
    ...(fault instanceof WorkFailed && { attempts: fault.attempts }),
  };
}

/** Seconds to stay away, where it is a matter of time; else null. */
export function retryAfterOf(status: number): number | null {
  return status === 429 || status === 503 ? RETRY_AFTER_SECONDS : null;
}

/** Answers an upgrade that is refused, before there is a WebSocket. */
export function refuseUpgrade(socket: Duplex, error: unknown): void {
  writeProblem(socket, problemOf(error));
}

export function writeProblem(socket: Duplex, problem: Problem): void {
  const body = JSON.stringify(problem);
  const seconds = retryAfterOf(problem.status);
  // The peer may keep its half open for ever; ours is over once the answer is written.
  socket.once("finish", () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\n` +
      `content-type: ${PROBLEM_TYPE}\r\n` +
      (seconds === null ? "" : `retry-after: ${seconds}\r\n`) +
      `content-length: ${Buffer.byteLength(body)}\r\n` +
      `connection: close\r\n\r\n${body}`,
  );
}

/** Fastify's own errors (body too large, not JSON, schema) are the caller's. */
function asHubError(error: unknown): HubError {
  if (error instanceof HubError || !(error instanceof Error)) return toHubError(error);
  const status = "statusCode" in error ? Number(error.statusCode) : 500;
  return status >= 400 && status < 500
    ? new HubError("BadRequest", error.message, { cause: error })
    : toHubError(error);
}
