/**
 * Who may see a preview, and by what: a signed link, the cookie that it left, or a token
 * for programs. What opened the door is taken out of the request, so that nothing of it reaches
 * what runs in the sandbox.
 */
import type { IncomingHttpHeaders } from "node:http";
import { HubError, toHubError } from "../../base/hub-error.ts";
import { allow, demandSeen, noSession, type Lookup } from "../auth/guard.ts";
import { isConfined, type Principal } from "../auth/principal.ts";
import type { Access } from "../server/access.ts";
import { isPreviewHost, targetOf, type PreviewTarget } from "./preview-host.ts";
import { HINT, type Pass, type PreviewPasses } from "./preview-pass.ts";

export const PASS_PARAMETER = "holdfast_token";
export const PASS_COOKIE = "holdfast_preview";
/** For programs: `Authorization` is often the app's own. */
export const TOKEN_HEADER = "x-holdfast-token";

/** What a token needs, where no link opens the preview. */
const PREVIEW = { right: "work", reach: "session", notes: false } as const;

export interface Visitor {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly isUpgrade: boolean;
}

/**
 * `url` is without the pass; `takesAuthorization` says that the header was the hub's; `by` is what
 * opened it: a pass, or who has a token.
 */
export type Admission =
  | {
      readonly kind: "admitted";
      readonly url: string;
      readonly takesAuthorization: boolean;
      readonly by: Pass | Principal;
    }
  | { readonly kind: "redirect"; readonly location: string; readonly cookie: string };

export interface PreviewAccessOptions {
  readonly access: Pick<Access, "identify" | "recognise">;
  readonly passes: PreviewPasses;
  readonly domain: string;
  readonly isSecure: boolean;
  readonly now: () => number;
  readonly lookup: Lookup;
}

export class PreviewAccess {
  readonly #options: PreviewAccessOptions;

  constructor(options: PreviewAccessOptions) {
    this.#options = options;
  }

  /** @throws HubError Unauthenticated, Forbidden, OriginNotAllowed, SessionNotFound */
  admit(target: PreviewTarget, visitor: Visitor): Admission {
    const { access, lookup } = this.#options;
    const { headers, method, isUpgrade } = visitor;
    const { pass, url } = takePass(visitor.url);
    const given = headers[TOKEN_HEADER];
    const known = access.recognise(headers.authorization);
    const takesAuthorization = known !== null;
    const person = given === undefined ? known : access.identify(`Bearer ${String(given)}`);
    if (person !== null) {
      allow(person, PREVIEW);
      // An address means one session for everybody: a name in it is never one of a tenant.
      if (isConfined(person)) {
        demandSeen(person, target.session, lookup(target.session, person.tenant));
      }
      return { kind: "admitted", url, takesAuthorization, by: person };
    }
    if (pass !== null) {
      const read = this.#check(pass, target);
      const isFirst = !isUpgrade && (method === "GET" || method === "HEAD");
      if (!isFirst) return { kind: "admitted", url, takesAuthorization: false, by: read };
      return { kind: "redirect", location: url, cookie: this.#cookie(pass, read) };
    }
    const left = this.#checkCookies(target, headers.cookie);
    this.#checkOrigin(target, headers);
    return { kind: "admitted", url, takesAuthorization: false, by: left };
  }

  /** @throws HubError; whose pass it is decides, not which name was typed. */
  #check(text: string, { port, session }: PreviewTarget): Pass {
    const pass = this.#options.passes.read(text);
    const found = this.#options.lookup(session, null);
    if (found === undefined) throw noSession(session);
    if (pass.sessionId === found.id && pass.port === port) return pass;
    const said = "this link opens another preview than this one";
    throw new HubError("Forbidden", said, { hint: HINT });
  }

  /** Other pages may have put cookies of this name beside ours: one that is right is enough. */
  #checkCookies(target: PreviewTarget, header: string | undefined): Pass {
    let refusal: HubError | null = null;
    for (const { name, value } of cookiesOf(header)) {
      if (name !== PASS_COOKIE) continue;
      try {
        return this.#check(value, target);
      } catch (error) {
        refusal ??= toHubError(error);
      }
    }
    if (refusal !== null) throw refusal;
    throw new HubError("Unauthenticated", "this preview opens with a link of its own", {
      hint: HINT,
    });
  }

  /**
   * A browser sends the cookie also for what a page of another session asks for, where previews
   * share a site. Programs send neither header and hold no cookie.
   * @throws HubError OriginNotAllowed
   */
  #checkOrigin({ session, port }: PreviewTarget, headers: IncomingHttpHeaders): void {
    const { origin, referer, host } = headers;
    const site = headers["sec-fetch-site"];
    const isForeign = site === "same-site" || site === "cross-site";
    const isVisit = headers["sec-fetch-mode"] === "navigate" && origin === undefined;
    if (isVisit || (origin === undefined && !isForeign)) return;
    const from = origin ?? referer ?? "";
    const page = URL.canParse(from) ? new URL(from).host.toLowerCase() : null;
    if (page !== null && (page === host?.toLowerCase() || this.#isSibling(page, session))) return;
    const said = `a page of ${JSON.stringify(from.slice(0, 120))} may not use ${port}-${session}`;
    throw new HubError("OriginNotAllowed", said, { hint: "Open the preview in a tab of its own." });
  }

  #isSibling(host: string, session: string): boolean {
    const { domain, lookup } = this.#options;
    if (!isPreviewHost(host, domain)) return false;
    try {
      return lookup(targetOf(host, domain).session, null)?.id === lookup(session, null)?.id;
    } catch {
      // It names no preview, so it is none of this session.
      return false;
    }
  }

  /** Of this host alone, and never longer than the pass. */
  #cookie(pass: string, { expiresAt }: Pass): string {
    const seconds = Math.max(1, Math.floor((expiresAt - this.#options.now()) / 1_000));
    const secure = this.#options.isSecure ? "; Secure" : "";
    return `${PASS_COOKIE}=${pass}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${seconds}${secure}`;
  }
}

/** The pass of the query, and the URL without it, byte for byte. */
function takePass(url: string): { readonly pass: string | null; readonly url: string } {
  const at = url.indexOf("?");
  if (at < 0) return { pass: null, url };
  const parts = url.slice(at + 1).split("&");
  const isPass = (part: string): boolean => part.startsWith(`${PASS_PARAMETER}=`);
  const found = parts.find(isPass);
  if (found === undefined) return { pass: null, url };
  const rest = parts.filter((part) => !isPass(part)).join("&");
  // Two slashes at the front of a redirect would name another host.
  const path = url.slice(0, at).replace(/^[/\\]+/, "/");
  return {
    pass: found.slice(PASS_PARAMETER.length + 1),
    url: rest === "" ? path : `${path}?${rest}`,
  };
}

export function cookiesOf(
  header: string | undefined,
): { readonly name: string; readonly value: string; readonly text: string }[] {
  if (header === undefined) return [];
  return header.split(";").map((piece) => {
    const text = piece.trim();
    const at = text.indexOf("=");
    return { name: text.slice(0, Math.max(0, at)), value: text.slice(at + 1), text };
  });
}
