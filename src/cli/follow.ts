/**
 * Waits for the verdict of a session: sends the request, follows the events, and believes the end
 * only when the session itself says it. ^C and the time limit end the waiting, not the session.
 */
import type { Api } from "../client/api.ts";
import { faults, type FaultCode } from "../base/faults.ts";
import { restingStates, type HubEvent, type Session } from "../client/api-types.ts";
import { HubError } from "../base/hub-error.ts";
import { parseDuration } from "./render/durations.ts";
import { openProofView, type ProofView } from "./render/proof-view.ts";
import type { StepName } from "./render/proof.ts";
import { textOption, usageError, type Cli } from "./cli.ts";

/** The event stream is the fast way; this catches what it could miss. */
const CHECK_MS = 1_000;
/** A hub that restarts is back within seconds. */
const HUB_AWAY_MS_MAX = 30_000;
const REDIAL_MS = 250;

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
      const wait: Wait = { api, asked, ask, stop, view };
      return await Promise.race([byEvents(wait), byChecking(wait), rejection(stop.signal)]);
    } finally {
      view.close();
    }
  } finally {
    stop.abort();
    process.removeListener("SIGINT", onInterrupt);
    if (timer !== null) clearTimeout(timer);
  }
}

/** Sequence number of the session's last event so far; 0 when it has none. */
export async function lastEventSeq(api: Api, name: string): Promise<number> {
  const events = await api.timeline(name);
  return events.reduce((last, event) => Math.max(last, event.seq), 0);
}

interface Wait {
  readonly api: Api;
  readonly asked: Session;
  readonly ask: Ask;
  readonly stop: AbortController;
  readonly view: ProofView;
}

async function byEvents(wait: Wait): Promise<Session> {
  const { api, asked, ask, stop } = wait;
  let awaySinceMs: number | null = null;
  const events = api.events({
    session: asked.id,
    after: ask.after,
    signal: stop.signal,
    async onLost(error) {
      awaySinceMs ??= Date.now();
      if (!isTransient(error) || Date.now() - awaySinceMs > HUB_AWAY_MS_MAX) throw error;
      wait.view.say("the connection to the hub broke; reconnecting");
      await pause(REDIAL_MS, stop.signal);
    },
  });
  for await (const event of events) {
    awaySinceMs = null;
    const refusal = refusalOf(event, wait);
    if (refusal !== null) throw refusal;
    const { verdict } = wait.view.take(event);
    if (verdict === null) continue;
    const session = await lookUp(wait);
    if (session !== null && isAnswer(ask, session)) return session;
  }
  throw new HubError("LinkLost", "the event stream ended before the verdict");
}

/**
 * The attempt that was asked for failed and the session goes on as before, for example a pause that
 * the platform refuses: nothing more is to be waited for.
 */
function refusalOf(event: HubEvent, { ask, asked }: Wait): HubError | null {
  if (event.kind !== "attempt.ended" || ask.goals.includes("connected")) return null;
  const ended = event.data as Readonly<Record<string, unknown>>;
  const failed = ended["attempt"] === asked.attempt && ended["result"] === "error";
  const { code, message, hint } = ended;
  if (!failed || event.state === "error" || !isFaultCode(code)) return null;
  const said = typeof message === "string" ? message : event.text;
  return new HubError(code, said, typeof hint === "string" ? { hint } : {});
}

function isFaultCode(code: unknown): code is FaultCode {
  return typeof code === "string" && Object.hasOwn(faults, code);
}

/** Asks now and then, so that a lost event costs a second and not the verdict. */
async function byChecking(wait: Wait): Promise<Session> {
  let resting: string | null = null;
  for (;;) {
    await pause(CHECK_MS, wait.stop.signal);
    const session = await lookUp(wait);
    if (session === null || !restingStates.includes(session.state)) resting = null;
    else if (isAnswer(wait.ask, session) && resting === session.updatedAt) return session;
    else resting = session.updatedAt;
  }
}

/** An ended session whose sandbox is still being removed has not ended for the one who waits. */
function isAnswer(ask: Ask, session: Session): boolean {
  return ask.goals.includes(session.state) && session.detail !== "ended.cleaning";
}

/** The session now; null while the hub is away, which the event stream judges. */
async function lookUp(wait: Wait): Promise<Session | null> {
  try {
    return await wait.api.session(wait.asked.id);
  } catch (error) {
    if (error instanceof HubError) {
      const gone = error.code === "SessionEnded" || error.code === "SessionNotFound";
      if (gone) return { ...wait.asked, state: "ended", detail: null };
      if (isTransient(error)) return null;
    }
    throw error;
  }
}

function isTransient(error: unknown): boolean {
  if (!(error instanceof HubError)) return true;
  return error.code === "HubUnreachable" || error.code === "LinkLost";
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

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, waitMs);
    function done(): void {
      signal.removeEventListener("abort", stopped);
      resolve();
    }
    function stopped(): void {
      clearTimeout(timer);
      reject(signal.reason as Error);
    }
    signal.addEventListener("abort", stopped, { once: true });
  });
}
