/**
 * The identity provider as a hub meets it: where its doors are, and what it says when it is asked.
 * Every answer has a deadline and a size, no redirect is followed, and whatever is not an answer
 * of the right shape is `IssuerUnavailable`. What a token must be is token-check.ts.
 */
import type { Clock } from "../../../base/clock.ts";
import { withDeadline } from "../../../base/deadline.ts";
import { fetchHead } from "../../../base/fetch-whole.ts";
import { HubError, toHubError } from "../../../base/hub-error.ts";

/** A provider answers in well under a second; nobody waits longer for a login. */
const ANSWER_MS = 5_000;
/** Metadata and key sets are a few KiB. */
const ANSWER_BYTES_MAX = 256 * 1024;
/** Providers move their doors once in years, and turn keys once in weeks. */
const METADATA_KEEP_MS = 3_600_000;
/** One that failed is not asked again for as long: each caller would wait for it. */
const FAILED_KEEP_MS = 3_000;

export interface IssuerMetadata {
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly jwksUri: string;
  /** Null where there is no device flow. */
  readonly deviceEndpoint: string | null;
  /** The code comes back behind `#`, which no server sees. */
  readonly hasFragmentMode: boolean;
}

export interface IssuerOptions {
  /** As its tokens name it, letter by letter. */
  readonly issuer: string;
  readonly clock: Clock;
  readonly ask?: typeof fetch;
}

type Kept =
  | { readonly kind: "asking"; readonly answer: Promise<IssuerMetadata> }
  | { readonly kind: "known"; readonly metadata: IssuerMetadata; readonly until: number }
  | { readonly kind: "failed"; readonly error: HubError; readonly until: number };

export interface Answer {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export class Issuer {
  readonly #options: IssuerOptions;
  #kept: Kept | null = null;

  constructor(options: IssuerOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.issuer;
  }

  /** @throws HubError IssuerUnavailable */
  async metadata(): Promise<IssuerMetadata> {
    const now = this.#options.clock.mono();
    const kept = this.#kept;
    if (kept?.kind === "asking") return kept.answer;
    if (kept?.kind === "known" && kept.until > now) return kept.metadata;
    if (kept?.kind === "failed" && kept.until > now) throw kept.error;
    const answer = this.#discover();
    this.#kept = { kind: "asking", answer };
    return answer;
  }

  /** A form to one of its doors. @throws HubError IssuerUnavailable */
  async post(url: string, form: Readonly<Record<string, string>>): Promise<Answer> {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const body = new URLSearchParams(form).toString();
    const { status, bytes } = await this.fetch(url, { method: "POST", headers, body });
    return { status, json: jsonOf(url, bytes) };
  }

  /** @throws HubError IssuerUnavailable */
  async fetch(url: string, init: Asked = {}): Promise<{ status: number; bytes: Uint8Array }> {
    const { clock, ask } = this.#options;
    const late = (): HubError => unavailable(url, `it did not answer in ${ANSWER_MS / 1_000} s`);
    const all = { ...init, redirect: "error" as const };
    try {
      return await withDeadline(
        clock,
        ANSWER_MS,
        async (signal) => {
          const headers = { accept: "application/json", ...init.headers };
          const response = await fetchHead(url, { ...all, headers }, signal, ask);
          return { status: response.status, bytes: await bounded(url, response, signal) };
        },
        late,
      );
    } catch (error) {
      if (error instanceof HubError) throw error;
      throw unavailable(url, "nobody answers there", error);
    }
  }

  async #discover(): Promise<IssuerMetadata> {
    const { clock, issuer } = this.#options;
    const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    try {
      const { status, bytes } = await this.fetch(url);
      if (status !== 200) throw unavailable(url, `it answers with ${status}`);
      const metadata = read(url, issuer, jsonOf(url, bytes));
      this.#kept = { kind: "known", metadata, until: clock.mono() + METADATA_KEEP_MS };
      return metadata;
    } catch (caught) {
      const error = toHubError(caught);
      this.#kept = { kind: "failed", error, until: clock.mono() + FAILED_KEEP_MS };
      throw error;
    }
  }
}

function read(url: string, issuer: string, json: Answer["json"]): IssuerMetadata {
  // A provider that calls itself another name could be the wrong one: RFC 8414, section 3.3.
  if (json["issuer"] !== issuer) throw unavailable(url, `it does not call itself ${issuer}`);
  const door = (field: string): string => {
    const address = json[field];
    if (typeof address === "string" && isSafe(address, issuer)) return address;
    throw unavailable(url, `${field} is no address to trust`);
  };
  const modes = json["response_modes_supported"];
  return {
    authorizationEndpoint: door("authorization_endpoint"),
    tokenEndpoint: door("token_endpoint"),
    jwksUri: door("jwks_uri"),
    deviceEndpoint:
      json["device_authorization_endpoint"] === undefined
        ? null
        : door("device_authorization_endpoint"),
    hasFragmentMode: Array.isArray(modes) && modes.includes("fragment"),
  };
}

/** TLS, unless the issuer is one of this machine without it: a test's, or behind a local proxy. */
function isSafe(address: string, issuer: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, username, password } = new URL(address);
  if (username !== "" || password !== "") return false;
  return protocol === "https:" || (protocol === "http:" && issuer.startsWith("http:"));
}

async function bounded(url: string, response: Response, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  while (reader !== undefined && !signal.aborted) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > ANSWER_BYTES_MAX) {
      await reader.cancel();
      throw unavailable(url, `its answer is larger than ${ANSWER_BYTES_MAX} bytes`);
    }
    chunks.push(value);
  }
  return Buffer.concat(chunks);
}

function jsonOf(url: string, bytes: Uint8Array): Answer["json"] {
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof json === "object" && json !== null && !Array.isArray(json)) {
      return json as Answer["json"];
    }
  } catch (cause) {
    throw unavailable(url, "its answer is no JSON", cause);
  }
  throw unavailable(url, "its answer is no JSON object");
}

export function unavailable(url: string, why: string, cause?: unknown): HubError {
  const { origin } = new URL(url);
  return new HubError("IssuerUnavailable", `the identity provider ${origin}: ${why}`, { cause });
}
