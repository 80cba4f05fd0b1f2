/**
 * What a token of the identity provider must be, and nothing less: its algorithm one of a short
 * list of signatures with a public key (so neither `none` nor a shared secret), its key one that
 * the provider publishes, its issuer, audience and times right. RFC 8725 and OpenID Connect Core.
 */
import { createRemoteJWKSet, customFetch, errors, jwtVerify, type JWTPayload } from "jose";
import type { Clock } from "../../../base/clock.ts";
import { HubError } from "../../../base/hub-error.ts";
import { unavailable, type Issuer } from "./issuer.ts";

const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"];
/** Clocks of two machines that are kept right differ by less. */
const LEEWAY_SECONDS = 5;
/** A login is new: who brings an ID token brings one of now. */
const ID_TOKEN_AGE_SECONDS = 600;
/** A key that nobody published is asked for so often, whoever names it. */
const KEYS_COOLDOWN_MS = 10_000;
const KEYS_KEEP_MS = 600_000;
const KEYS_ANSWER_MS = 5_000;
/** Kinds of JWT that are neither an ID token nor an access token open nothing. */
const TYPES = new Set(["JWT", "AT+JWT", "APPLICATION/AT+JWT"]);
/** Printable, as OpenID Connect bounds it: it goes into the audit log. */
const SUBJECT = /^[\x21-\x7e]{1,255}$/;

export interface Claims extends JWTPayload {
  readonly sub: string;
  readonly exp: number;
}

export type TokenCheck = (token: string, wanted: Wanted) => Promise<Claims>;

export interface Wanted {
  /** `id` tells who logged in, just now; `access` is carried by a program. */
  readonly kind: "id" | "access";
  readonly audience: string;
  /** What the login was begun with; null where there is none, as in the device flow. */
  readonly nonce: string | null;
}

export function createTokenCheck(issuer: Issuer, clock: Clock): TokenCheck {
  let keys: { uri: string; get: ReturnType<typeof createRemoteJWKSet> } | null = null;
  return async (token, wanted) => {
    const { jwksUri } = await issuer.metadata();
    if (keys?.uri !== jwksUri) keys = { uri: jwksUri, get: keysAt(jwksUri, issuer) };
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys.get, {
        issuer: issuer.name,
        audience: wanted.audience,
        algorithms: ALGORITHMS,
        clockTolerance: LEEWAY_SECONDS,
        requiredClaims: ["exp", "iat", "sub"],
        currentDate: new Date(clock.now()),
        ...(wanted.kind === "id" ? { maxTokenAge: ID_TOKEN_AGE_SECONDS } : {}),
      });
      return checked(payload, protectedHeader.typ, wanted);
    } catch (error) {
      throw refusal(jwksUri, error);
    }
  };
}

function keysAt(uri: string, issuer: Issuer): ReturnType<typeof createRemoteJWKSet> {
  return createRemoteJWKSet(new URL(uri), {
    cooldownDuration: KEYS_COOLDOWN_MS,
    cacheMaxAge: KEYS_KEEP_MS,
    timeoutDuration: KEYS_ANSWER_MS,
    [customFetch]: async (url) => {
      const { status, bytes } = await issuer.fetch(url);
      return new Response(Buffer.from(bytes), { status });
    },
  });
}

/** What the library leaves to its caller. */
function checked(payload: JWTPayload, type: string | undefined, wanted: Wanted): Claims {
  const { sub, exp, aud, azp, nonce, cnf } = payload;
  if (sub === undefined || exp === undefined || !SUBJECT.test(sub)) throw refused("its subject");
  if (type !== undefined && !TYPES.has(type.toUpperCase())) throw refused("its type");
  // It is bound to a key that its bearer does not show.
  if (cnf !== undefined) throw refused("it is bound to a key (cnf)");
  if (wanted.kind === "id") {
    const isForMany = Array.isArray(aud) && aud.length > 1;
    if ((isForMany || azp !== undefined) && azp !== wanted.audience) throw refused("its azp");
    if (wanted.nonce !== null && nonce !== wanted.nonce) throw refused("its nonce");
  }
  return { ...payload, sub, exp };
}

function refusal(jwksUri: string, error: unknown): HubError {
  if (error instanceof HubError) return error;
  if (error instanceof errors.JWTExpired) return refused("it is over");
  if (error instanceof errors.JWTClaimValidationFailed) return refused(`its ${error.claim}`);
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) {
    return unavailable(jwksUri, "its keys cannot be read", error);
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return refused("its algorithm");
  if (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  ) {
    return refused("its key");
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return refused("its signature");
  // The library says so of an answer that is no 200 or no JSON, and of nothing else.
  if (error instanceof errors.JOSEError && error.code === "ERR_JOSE_GENERIC") {
    return unavailable(jwksUri, "its keys cannot be read", error);
  }
  return refused("its form");
}

export function refused(what: string): HubError {
  return new HubError("LoginRefused", `the token of the identity provider is not taken: ${what}`);
}
