/**
 * A read of Daytona's API over plain HTTP: claims and listings are most of what a hub asks all day,
 * and cost the SDK twice the processor and an object of 8 KB for each sandbox. What goes wrong is
 * told in the shape in which the SDK tells it, so that both leave the adapter by one door.
 */
import { withDeadline } from "../../base/deadline.ts";
import { fetchWhole, textOf, type WholeAnswer } from "../../base/fetch-whole.ts";
import { HubError } from "../../base/hub-error.ts";
import type { Address } from "./platform-facts.ts";
import { said } from "./toolbox.ts";

/**
 * `call` is what is being read, for the sentence.
 * @throws HubError PlatformAnswerInvalid for an answer that is not JSON; Error for all else
 */
export async function readApi(
  from: Address,
  call: string,
  path: string,
  signal: AbortSignal,
): Promise<unknown> {
  const answer = await answerOf(from, path, signal);
  const body = textOf(answer);
  if (!answer.ok) {
    const { status: statusCode, headers } = answer;
    throw Object.assign(new Error(said(body)), { statusCode, headers });
  }
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw nonsense(call, "it is not JSON", cause);
  }
}

/** The platform answered, and not with what was asked for. */
export function nonsense(call: string, why: string, cause?: unknown): HubError {
  const options = cause === undefined ? {} : { cause };
  return new HubError("PlatformAnswerInvalid", `${call}: the answer is nonsense: ${why}`, options);
}

async function answerOf(from: Address, path: string, signal: AbortSignal): Promise<WholeAnswer> {
  const url = `${from.apiUrl.replace(/\/$/, "")}${path}`;
  const headers = { authorization: `Bearer ${from.apiKey}` };
  try {
    return await withDeadline(
      from.clock,
      from.callMs,
      (until) => fetchWhole(url, { headers }, until, from.ask),
      () => Object.assign(new Error(""), { name: "TimeoutError" }),
      signal,
    );
  } catch (error) {
    // What failed on the way is told by the socket; fetch only says that it failed.
    throw error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
  }
}
