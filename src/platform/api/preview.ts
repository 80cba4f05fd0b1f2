/**
 * Preview links: `<port>-<sandbox id>.localhost` or `<port>-<signed token>.localhost` on the
 * platform's own port. Owns the signed tokens (in memory: a restart ends them) and the question
 * who may look; the daemon inside reaches the port.
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { socketOf } from "../sandbox/processes.ts";
import type { Held } from "../sandbox/registry.ts";
import { toolboxRefusal } from "../sandbox/rules.ts";
import { isSameSecret } from "./auth.ts";
import { passedHeaders, refuseUpgrade, relayHttp, relayUpgrade } from "./relay.ts";
import type { RelayTarget } from "./relay.ts";
import { isOwn } from "./toolbox-proxy.ts";
import type { ProxyParts } from "./toolbox-proxy.ts";

interface SignedToken {
  sandboxId: string;
  port: number;
  expiresAtMs: number;
}

type Verdict =
  | { kind: "relay"; target: RelayTarget; held: Held }
  | { kind: "login" }
  | { kind: "remember"; cookie: string; location: string }
  | { kind: "refuse"; status: number; message: string };

const authQuery = "DAYTONA_SANDBOX_AUTH_KEY";
const secretHeaders = ["authorization", "x-daytona-preview-token"];

export class Previews {
  readonly #parts: ProxyParts;
  readonly #apiOrigin: () => string;
  readonly #signed = new Map<string, SignedToken>();

  constructor(parts: ProxyParts, apiOrigin: () => string) {
    this.#parts = parts;
    this.#apiOrigin = apiOrigin;
  }

  url(port: number, label: string): string {
    const { port: apiPort } = new URL(this.#apiOrigin());
    return `http://${port}-${label}.localhost:${apiPort}`;
  }

  sign(sandboxId: string, port: number, seconds: number): { token: string; url: string } {
    this.#forgetExpired();
    const token = randomBytes(16).toString("hex");
    this.#signed.set(token, { sandboxId, port, expiresAtMs: Date.now() + seconds * 1000 });
    return { token, url: this.url(port, token) };
  }

  /** Another sandbox's token, and one that there is not, is nothing to expire. */
  expire(sandboxId: string, port: number, token: string): void {
    const found = this.#signed.get(token);
    if (found?.sandboxId === sandboxId && found.port === port) this.#signed.delete(token);
  }

  serve(address: PreviewAddress, incoming: IncomingMessage, response: ServerResponse): void {
    const verdict = this.#judge(address, incoming);
    switch (verdict.kind) {
      case "relay":
        this.#parts.activity.request(verdict.held.record, incoming);
        relayHttp(incoming, response, verdict.target);
        return;
      case "login":
        incoming.resume();
        response.writeHead(307, { location: `${this.#apiOrigin()}/api/login` }).end();
        return;
      case "remember":
        incoming.resume();
        response.writeHead(307, { location: verdict.location, "set-cookie": verdict.cookie }).end();
        return;
      case "refuse":
        incoming.resume();
        response.writeHead(verdict.status, { "content-type": "text/plain" }).end(verdict.message);
    }
  }

  upgrade(address: PreviewAddress, incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const verdict = this.#judge(address, incoming);
    if (verdict.kind === "relay") {
      this.#parts.activity.open(verdict.held.record, incoming, socket);
      relayUpgrade(incoming, socket, head, verdict.target);
    } else if (verdict.kind === "refuse") refuseUpgrade(socket, verdict.status, "Refused");
    else refuseUpgrade(socket, 307, "Temporary Redirect");
  }

  #judge(address: PreviewAddress, incoming: IncomingMessage): Verdict {
    const { held, signed } = this.#lookUp(address);
    // Who has no right to look does not learn whether the sandbox exists.
    if (held === undefined) return { kind: "login" };
    const url = new URL(incoming.url ?? "/", "http://preview");
    const queryKey = url.searchParams.get(authQuery);
    const cookieName = `daytona-sandbox-auth-${held.record.id}`;
    if (!signed && !held.record.isPublic && !this.#knows(held, incoming, cookieName)) {
      if (!isSameSecret(queryKey ?? undefined, held.record.previewToken)) return { kind: "login" };
      url.searchParams.delete(authQuery);
      const cookie = `${cookieName}=${held.record.previewToken}; Path=/; HttpOnly; SameSite=Lax`;
      return { kind: "remember", cookie, location: url.pathname + url.search };
    }
    const refusal = toolboxRefusal(held.record.state);
    if (refusal !== undefined) return { kind: "refuse", ...refusal };
    return { kind: "relay", held, target: this.#target(address.port, held, incoming) };
  }

  #target(port: number, held: Held, incoming: IncomingMessage): RelayTarget {
    return {
      socketPath: socketOf(this.#parts.host, held.record.id),
      path: `/proxy/${port}${incoming.url ?? "/"}`,
      headers: {
        ...passedHeaders(incoming, secretHeaders),
        "x-forwarded-host": incoming.headers.host,
      },
    };
  }

  #knows(held: Held, incoming: IncomingMessage, cookieName: string): boolean {
    const { headers } = incoming;
    const header = headers["x-daytona-preview-token"];
    const cookie = (headers.cookie ?? "")
      .split(";")
      .map((pair) => pair.trim().split("="))
      .find(([name]) => name === cookieName)?.[1];
    return (
      isOwn(this.#parts, incoming, held) ||
      isSameSecret(typeof header === "string" ? header : undefined, held.record.previewToken) ||
      isSameSecret(cookie, held.record.previewToken)
    );
  }

  #lookUp(address: PreviewAddress): { held: Held | undefined; signed: boolean } {
    const token = this.#signed.get(address.label);
    if (token === undefined) {
      return { held: this.#parts.registry.byId(address.label), signed: false };
    }
    const valid = token.port === address.port && token.expiresAtMs > Date.now();
    return { held: valid ? this.#parts.registry.byId(token.sandboxId) : undefined, signed: valid };
  }

  #forgetExpired(): void {
    for (const [token, { expiresAtMs }] of this.#signed) {
      if (expiresAtMs <= Date.now()) this.#signed.delete(token);
    }
  }
}

export interface PreviewAddress {
  port: number;
  /** A sandbox id or a signed token. */
  label: string;
}

/** Undefined for every other host name, which is then the API's. */
export function previewAddress(hostHeader: string | undefined): PreviewAddress | undefined {
  const match = /^(\d{1,5})-([0-9a-z-]+)\.[^:]+(:\d+)?$/i.exec(hostHeader ?? "");
  const port = Number(match?.[1]);
  if (match === null || port < 1 || port > 65_535) return undefined;
  return { port, label: (match[2] ?? "").toLowerCase() };
}
