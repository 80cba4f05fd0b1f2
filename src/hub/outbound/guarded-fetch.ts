/**
 * `fetch` through the guard: the same call, but for redirects, which are answers here and are not
 * followed. Owns no deadline: the signal does.
 *
 * A look at a session is eight of these calls, so what is plain goes no way round: streams of the
 * web are made only for who asks for a `Response`, and an answer that is wanted whole is none.
 */
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import type { Ask, WholeAnswer } from "../../base/fetch-whole.ts";
import type { OutboundGuard } from "./outbound-guard.ts";

const NO_BODY = [101, 103, 204, 205, 304];

export function guardedFetch(guard: Guard): Ask {
  const ask: typeof fetch = async (input, init = {}) => {
    const { signal, ...asked } =
      plainOf(input, init) ?? (await unwrapped(new Request(input, init)));
    const options = signal === null ? {} : { signal };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      sent(guard, asked, options).once("response", resolve).once("error", reject).end(asked.body);
    });
    const { statusCode: status = 500 } = answer;
    const body = NO_BODY.includes(status) ? null : (Readable.toWeb(answer) as ReadableStream);
    if (body === null) answer.resume();
    return new Response(body, { status, headers: said(answer) });
  };
  const whole: Ask["whole"] = async (url, init, signal) => {
    const asked = plainOf(url, init) ?? (await unwrapped(new Request(url, init)));
    return wholeOf(sent(guard, asked, {}), asked.body, signal);
  };
  return Object.assign(ask, { whole });
}

function sent(guard: Guard, { href, method, headers, body }: Asked, more: object): ClientRequest {
  const url = new URL(href);
  const isSecure = url.protocol === "https:";
  const options = {
    method,
    headers: { ...headers, "content-length": String(Buffer.byteLength(body)) },
    agent: isSecure ? guard.https : guard.http,
    // A kept socket rests under a time of its own, and the SDK leaves word to destroy it then.
    timeout: 0,
    ...more,
  };
  return isSecure ? httpsRequest(url, options) : httpRequest(url, options);
}

/** Ends with all of the answer, or with what went wrong first; the signal ends the connection. */
function wholeOf(
  request: ClientRequest,
  body: string | Uint8Array,
  signal: AbortSignal,
): Promise<WholeAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      signal.removeEventListener("abort", giveUp);
      reject(error);
    };
    const giveUp = (): void => {
      const reason = signal.reason as Error;
      fail(reason);
      request.destroy(reason);
    };
    signal.addEventListener("abort", giveUp, { once: true });
    request.on("error", fail).once("response", (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", fail);
      answer.once("end", () => {
        signal.removeEventListener("abort", giveUp);
        const { statusCode: status = 500 } = answer;
        const [only = NOTHING] = chunks;
        const bytes = chunks.length > 1 ? Buffer.concat(chunks) : only;
        resolve(new Whole(status, bytes, answer));
      });
    });
    if (signal.aborted) giveUp();
    else request.end(body);
  });
}

const NOTHING = Buffer.alloc(0);

/** Few ask for the headers of an answer that is well. */
class Whole implements WholeAnswer {
  readonly status: number;
  readonly bytes: Uint8Array;
  readonly #answer: IncomingMessage;

  constructor(status: number, bytes: Uint8Array, answer: IncomingMessage) {
    this.status = status;
    this.bytes = bytes;
    this.#answer = answer;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  get headers(): Headers {
    return new Headers(said(this.#answer));
  }
}

function said({ headersDistinct }: IncomingMessage): [string, string][] {
  return Object.entries(headersDistinct).flatMap(([name, values]) =>
    (values ?? []).map((value): [string, string] => [name, value]),
  );
}

type Guard = Pick<OutboundGuard, "http" | "https">;

interface Asked {
  readonly href: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

interface Plain extends Asked {
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
