/**
 * Sends a request to a session and shows what happens until its verdict. ^C and the time limit end
 * the waiting, not the session.
 */
import type { Api } from "../client/api.ts";
import type { Session } from "../client/api-types.ts";
import { untilVerdict } from "../client/verdict.ts";
import { HubError } from "../base/hub-error.ts";
import { parseDuration } from "./render/durations.ts";
import { openProofView } from "./render/proof-view.ts";
import type { StepName } from "./render/proof.ts";
import { textOption, usageError, type Cli } from "./cli.ts";

export interface Ask {
  readonly title: string;
  /** What to watch on the way. */
  readonly steps: readonly StepName[];
  /** Under --json: whether the events come before the answer. */
  readonly withEvents: boolean;
  /** Sends the request; its answer names the session. */
  readonly send: () => Promise<Session>;
  /** Events up to this one happened before the request. */
  readonly after: number;
  /** Resting states in which the request has its answer. */
  readonly goals: readonly Session["state"][];
}

export async function followToVerdict(cli: Cli, api: Api, ask: Ask): Promise<Session> {
  const beganAtMs = Date.now();
  const limitMs = timeLimit(cli);
  const stop = new AbortController();
  const timer = limitMs === null ? null : setTimeout(() => stop.abort(timeIsUp(limitMs)), limitMs);
  const onInterrupt = (): void => stop.abort(interrupted());
  process.once("SIGINT", onInterrupt);
  try {
    const asked = await ask.send();
    const view = openProofView(cli, { ...ask, beganAtMs });
    try {
      return await untilVerdict(api, asked, {
        goals: ask.goals,
        after: ask.after,
        signal: stop.signal,
        onEvent: (event) => void view.take(event),
        onAway: () => view.say("the connection to the hub broke; reconnecting"),
      });
    } finally {
      view.close();
    }
  } finally {
    stop.abort();
    process.removeListener("SIGINT", onInterrupt);
    if (timer !== null) clearTimeout(timer);
  }
}

/** --timeout in milliseconds; null when it was not given. */
export function timeLimit(cli: Cli): number | null {
  const text = textOption(cli, "timeout");
  if (text === undefined) return null;
  const limitMs = parseDuration(text);
  if (limitMs !== null && limitMs > 0) return limitMs;
  throw usageError(`--timeout ${text} is no duration`, "Write 90s, 2m or 500ms.");
}

function timeIsUp(limitMs: number): HubError {
  return new HubError("WaitTimeout", `no verdict within ${limitMs / 1_000} s; the attempt goes on`);
}

function interrupted(): HubError {
  return new HubError("Interrupted", "stopped waiting; the attempt goes on without you");
}
