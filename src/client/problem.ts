/** The door from problem+json to HubError. Everything is checked: the sender may be a proxy. */
import { isFaultCode, type FaultCode } from "../base/faults.ts";
import { HubError } from "../base/hub-error.ts";

/** `text` is the body of an answer with this status. */
export function problemFault(url: string, status: number, text: string): HubError {
  return faultOf(parseObject(text), codeOfStatus(status), `${url} answered ${status}`, text);
}

/** A problem that came in the middle of a stream, after a status of 200. */
export function faultOfProblem(body: object): HubError {
  return faultOf({ ...body }, "Internal", "the hub failed", JSON.stringify(body));
}

function faultOf(
  body: Record<string, unknown>,
  fallback: FaultCode,
  unsaid: string,
  raw: string,
): HubError {
  const { code, hint } = body;
  const detail = body["detail"] ?? body["title"];
  const message = typeof detail === "string" ? detail : unsaid;
  const options = typeof hint === "string" ? { hint } : { raw };
  return new HubError(isFaultCode(code) ? code : fallback, message, options);
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Not JSON: the caller keeps the raw text as evidence.
    return {};
  }
}

/** For answers without a code: proxies, and hubs newer than this client. */
function codeOfStatus(status: number): FaultCode {
  if (status === 401) return "Unauthenticated";
  if (status === 403) return "Forbidden";
  if (status === 404) return "NotFound";
  if (status === 429) return "RateLimited";
  if (status >= 502 && status <= 504) return "HubUnreachable";
  return status >= 500 ? "Internal" : "BadRequest";
}
