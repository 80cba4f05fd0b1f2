import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";

/** One request as the routes see it: the query and path words are decoded, the body still flows. */
export interface ToolboxRequest {
  method: string;
  path: string;
  params: Record<string, string>;
  query: URLSearchParams;
  raw: IncomingMessage;
}

export type Reply =
  | { kind: "json"; status: number; body: unknown }
  | { kind: "empty"; status: number }
  | { kind: "stream"; status: number; headers: Record<string, string>; body: Readable }
  | { kind: "fault"; status: number; code: string; message: string }
  /** The route wrote to the response itself (a relay). */
  | { kind: "taken" };

export const json = (body: unknown, status = 200): Reply => ({ kind: "json", status, body });
export const empty = (status: number): Reply => ({ kind: "empty", status });
export const fault = (status: number, code: string, message: string): Reply => ({
  kind: "fault",
  status,
  code,
  message,
});

/** A command may be a script of some megabytes; files go through the streaming routes. */
const JSON_BYTES_MAX = 32 * 1024 * 1024;

/** The parsed JSON object, or the fault to answer with. */
export async function readJsonBody(
  raw: IncomingMessage,
): Promise<{ body: Record<string, unknown> } | { fault: Reply }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Not destroyed when it is left early: the caller still sends, and is to hear why it is refused.
  for await (const chunk of raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > JSON_BYTES_MAX) {
      raw.resume();
      return { fault: fault(413, "PAYLOAD_TOO_LARGE", `body is over ${JSON_BYTES_MAX} bytes`) };
    }
    chunks.push(chunk);
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8") || "{}");
    if (typeof body === "object" && body !== null && !Array.isArray(body)) {
      return { body: body as Record<string, unknown> };
    }
  } catch {
    // Falls through to the same answer as a body that is no object.
  }
  return { fault: fault(400, "BAD_REQUEST", "invalid request body: not a JSON object") };
}

export function sendReply(request: ToolboxRequest, response: ServerResponse, reply: Reply): void {
  switch (reply.kind) {
    case "taken":
      return;
    case "empty":
      response.writeHead(reply.status).end();
      return;
    case "stream":
      response.writeHead(reply.status, reply.headers);
      reply.body.on("error", () => response.destroy());
      reply.body.pipe(response);
      return;
    case "json":
      sendJson(response, reply.status, reply.body);
      return;
    case "fault":
      sendJson(response, reply.status, {
        statusCode: reply.status,
        message: reply.message,
        code: reply.code,
        source: "DAYTONA_DAEMON",
        timestamp: new Date().toISOString(),
        path: request.path,
        method: request.method,
      });
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}
