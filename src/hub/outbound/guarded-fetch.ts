/**
 * `fetch` through the guard: the same call, but for redirects, which are answers here and are not
 * followed. Owns no deadline: the signal does.
 */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import type { OutboundGuard } from "./outbound-guard.ts";

const NO_BODY = [101, 103, 204, 205, 304];

export function guardedFetch(guard: Pick<OutboundGuard, "http" | "https">): typeof fetch {
  return async (input, init) => {
    const asked = new Request(input, init);
    const body = Buffer.from(await asked.arrayBuffer());
    const url = new URL(asked.url);
    const isSecure = url.protocol === "https:";
    const options = {
      method: asked.method,
      headers: { ...Object.fromEntries(asked.headers), "content-length": String(body.length) },
      agent: isSecure ? guard.https : guard.http,
      signal: asked.signal,
      // A kept socket rests under a time of its own, and the SDK leaves word to destroy it then.
      timeout: 0,
    };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = isSecure ? httpsRequest(url, options) : httpRequest(url, options);
      sent.once("response", resolve).once("error", reject).end(body);
    });
    const status = answer.statusCode ?? 500;
    const stream = Readable.toWeb(answer) as ReadableStream<Uint8Array>;
    const headers = Object.entries(answer.headersDistinct).flatMap(([name, values]) =>
      (values ?? []).map((value): [string, string] => [name, value]),
    );
    return new Response(NO_BODY.includes(status) ? null : stream, { status, headers });
  };
}
