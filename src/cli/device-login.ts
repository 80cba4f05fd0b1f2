/**
 * The device flow (RFC 8628): a person agrees in any browser to what this command asks, with a code
 * that is shown here, and the identity provider then tells the command who that was. What the
 * provider says is shown to people only where it has the right form. Owns no screen and no clock.
 */
import { fetchWhole, textOf } from "../base/fetch-whole.ts";
import { HubError } from "../base/hub-error.ts";
import type { ProviderWays } from "../client/api-login.ts";

const GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const ANSWER_MS = 10_000;
/** Of the standard: how often one asks when the provider does not say, and what slowing down is. */
const INTERVAL_SECONDS = 5;
const SLOWER_SECONDS = 5;
const INTERVAL_SECONDS_MAX = 60;
const EXPIRES_SECONDS_MAX = 1_800;
/** What one can type. */
const USER_CODE = /^[\w-]{4,40}$/;

export interface DeviceCode {
  readonly userCode: string;
  readonly address: string;
  /** With the code in it; null where the provider has no such. */
  readonly whole: string | null;
  readonly expiresSeconds: number;
}

export interface DeviceParts {
  readonly ask: typeof fetch;
  readonly mono: () => number;
  readonly wait: (waitMs: number) => Promise<void>;
  readonly onCode: (code: DeviceCode) => void;
  /** Before each question; `trouble` is why the last one had no answer. */
  readonly onWait: (leftMs: number, trouble: string | null) => void;
}

type Told = Readonly<Record<string, unknown>>;

/** The ID token of who agreed. @throws HubError LoginRefused, IssuerUnavailable */
export async function deviceLogin(ways: ProviderWays, parts: DeviceParts): Promise<string> {
  const { deviceEndpoint, tokenEndpoint, cliClientId, scopes, issuer } = ways;
  if (deviceEndpoint === null) {
    throw new HubError("LoginRefused", `${issuer} has no device flow`, {
      hint: "Sign in on the dashboard, or use HOLDFAST_TOKEN.",
    });
  }
  const begun = await post(parts, safe(deviceEndpoint, issuer), {
    client_id: cliClientId,
    scope: scopes,
  });
  if (begun.status !== 200) throw refusedBy(begun.json, `${begun.status}`);
  const { deviceCode, everySeconds, shown } = codeIn(begun.json, issuer);
  const endsAt = parts.mono() + shown.expiresSeconds * 1_000;
  parts.onCode(shown);
  const form = { grant_type: GRANT, device_code: deviceCode, client_id: cliClientId };
  let seconds = everySeconds;
  let trouble: string | null = null;
  while (parts.mono() < endsAt) {
    parts.onWait(endsAt - parts.mono(), trouble);
    await parts.wait(Math.min(seconds * 1_000, Math.max(0, endsAt - parts.mono())));
    const answer = await unlessAway(post(parts, safe(tokenEndpoint, issuer), form));
    trouble = answer instanceof HubError ? answer.message : null;
    const next = answer instanceof HubError ? "away" : whatNext(answer);
    if (typeof next === "object") return next.idToken;
    if (next === "slower") seconds += SLOWER_SECONDS;
    // Whoever does not answer is asked less and less.
    if (next === "away") seconds = Math.min(seconds * 2, INTERVAL_SECONDS_MAX);
  }
  throw tooLate();
}

/** @throws HubError LoginRefused when there is nothing to wait for */
function whatNext({ status, json }: Answer): "wait" | "slower" | "away" | { idToken: string } {
  if (status === 200) {
    const idToken = json["id_token"];
    if (typeof idToken === "string") return { idToken };
    throw new HubError("LoginRefused", "the identity provider told nobody's name (no id_token)", {
      hint: "HOLDFAST_OIDC_SCOPES must have `openid` in it, and the client must be allowed to ask.",
    });
  }
  const error = json["error"];
  if (error === "authorization_pending") return "wait";
  if (error === "slow_down") return "slower";
  if (error === "expired_token") throw tooLate();
  if (error === "access_denied") throw new HubError("LoginRefused", "you did not agree to it");
  if (status >= 500 || status === 429) return "away";
  throw refusedBy(json, `${status}`);
}

function codeIn(json: Told, issuer: string) {
  const { device_code: deviceCode, user_code: userCode, verification_uri: address } = json;
  const isRight =
    typeof deviceCode === "string" && typeof userCode === "string" && USER_CODE.test(userCode);
  if (!isRight || typeof address !== "string") {
    throw new HubError("IssuerUnavailable", `${issuer} gave no code that one could type`);
  }
  const whole = json["verification_uri_complete"];
  const shown: DeviceCode = {
    userCode,
    address: safe(address, issuer),
    whole: typeof whole === "string" ? safe(whole, issuer) : null,
    expiresSeconds: within(json["expires_in"], EXPIRES_SECONDS_MAX, EXPIRES_SECONDS_MAX),
  };
  const everySeconds = within(json["interval"], INTERVAL_SECONDS, INTERVAL_SECONDS_MAX);
  return { deviceCode, everySeconds, shown };
}

interface Answer {
  readonly status: number;
  readonly json: Told;
}

async function post(
  { ask }: DeviceParts,
  url: string,
  form: Readonly<Record<string, string>>,
): Promise<Answer> {
  const init = {
    method: "POST",
    redirect: "error",
    headers: {
      accept: "application/json",
      "content-type": "application/x-www-form-urlencoded",
    },
    body: new URLSearchParams(form).toString(),
  } as const;
  const { origin } = new URL(url);
  try {
    const answer = await fetchWhole(url, init, AbortSignal.timeout(ANSWER_MS), ask);
    const json: unknown = JSON.parse(textOf(answer));
    if (typeof json === "object" && json !== null) {
      return { status: answer.status, json: json as Told };
    }
  } catch (cause) {
    throw new HubError("IssuerUnavailable", `${origin} does not answer`, { cause });
  }
  throw new HubError("IssuerUnavailable", `${origin} answers with what is no JSON object`);
}

async function unlessAway(answer: Promise<Answer>): Promise<Answer | HubError> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof HubError && error.code === "IssuerUnavailable") return error;
    throw error;
  }
}

/** TLS, unless the issuer itself is on this machine without it. Never another kind of address. */
function safe(address: string, issuer: string): string {
  const url = URL.canParse(address) ? new URL(address) : null;
  const isSafe =
    url !== null &&
    url.username === "" &&
    url.password === "" &&
    (url.protocol === "https:" || (url.protocol === "http:" && issuer.startsWith("http:")));
  if (isSafe) return url.href;
  throw new HubError("IssuerUnavailable", `${issuer} names an address that is not to be trusted`);
}

function within(told: unknown, otherwise: number, max: number): number {
  const seconds = typeof told === "number" && Number.isFinite(told) ? told : otherwise;
  return Math.min(Math.max(1, seconds), max);
}

function tooLate(): HubError {
  return new HubError("LoginRefused", "nobody agreed before the code was over", {
    hint: "Run `holdfast login` again.",
  });
}

function refusedBy(json: Told, status: string): HubError {
  const [error, why] = [json["error"], json["error_description"]].map((text) =>
    typeof text === "string" ? text.slice(0, 200) : null,
  );
  const said = [error ?? status, why].filter((text) => typeof text === "string").join(": ");
  return new HubError("LoginRefused", `the identity provider refuses: ${said}`, {
    hint: "Is HOLDFAST_OIDC_CLI_CLIENT_ID a public client there, with the device flow allowed?",
  });
}
