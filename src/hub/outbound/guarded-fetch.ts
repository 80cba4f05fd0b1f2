/**
 * `fetch` through the guard: the same call, but for redirects, which are answers here and are not
 * followed. Owns no deadline: the signal does.
 *
 * Each look at a session is five of these calls, so what is plain goes no way round: streams of the
 * web are made only for bodies that are long, or of a length that nobody said.
 */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import type { OutboundGuard } from "./outbound-guard.ts";

const NO_BODY = [101, 103, 204, 205, 304];
/** Most answers of a platform; what is longer may be of any length, and comes as it comes. */
const SHORT_BYTES_MAX = 64 * 1024;

export function guardedFetch(guard: Pick<OutboundGuard, "http" | "https">): typeof fetch {
  return async (input, init = {}) => {
    const { href, method, headers, body, signal } =
      plainOf(input, init) ?? (await unwrapped(new Request(input, init)));
    const url = new URL(href);
    const isSecure = url.protocol === "https:";
    const options = {
      method,
      headers: { ...headers, "content-length": String(Buffer.byteLength(body)) },
      agent: isSecure ? guard.https : guard.http,
      ...(signal !== null && { signal }),
      // A kept socket rests under a time of its own, and the SDK leaves word to destroy it then.
      timeout: 0,
    };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = isSecure ? httpsRequest(url, options) : httpRequest(url, options);
      sent.once("response", resolve).once("error", reject).end(body);
    });
    const status = answer.statusCode ?? 500;
    const answered = Object.entries(answer.headersDistinct).flatMap(([name, values]) =>
      (values ?? []).map((value): [string, string] => [name, value]),
    );
    const bytes = await bodyOf(answer);
    return new Response(NO_BODY.includes(status) ? null : bytes, { status, headers: answered });
  };
}

interface Plain {
  readonly href: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly signal: AbortSignal | null;
}

/** What can be sent as it stands; null for all that `fetch` knows how to encode. */
function plainOf(input: string | URL | Request, init: RequestInit): Plain | null {
  const { method = "GET", headers = {}, body = null, signal = null } = init;
  const isRecord = Object.getPrototypeOf(headers) === Object.prototype;
  const isPlain = body === null || typeof body === "string" || body instanceof Uint8Array;
  if (input instanceof Request || !isRecord || !isPlain) return null;
  const own = headers as Record<string, string>;
  const isTyped = Object.keys(own).some((name) => name.toLowerCase() === "content-type");
  // `fetch` names the type of a text by itself.
  if (typeof body === "string" && !isTyped) return null;
  return { href: String(input), method, headers: own, body: body ?? "", signal };
}

async function unwrapped(asked: Request): Promise<Plain> {
  const body = new Uint8Array(await asked.arrayBuffer());
  const headers = Object.fromEntries(asked.headers);
  const { url: href, method, signal } = asked;
  return { href, method, headers, body, signal };
}

async function bodyOf(answer: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | ReadableStream> {
  const length = Number(answer.headers["content-length"] ?? Infinity);
  if (length > SHORT_BYTES_MAX) return Readable.toWeb(answer) as ReadableStream<Uint8Array>;
  const bytes = new Uint8Array(length);
  let at = 0;
  return new Promise((resolve, reject) => {
    answer.on("data", (chunk: Buffer) => {
      bytes.set(chunk, at);
      at += chunk.length;
    });
    answer.once("end", () => resolve(bytes.subarray(0, at)));
    answer.once("error", reject);
  });
}
