/**
 * Waits for the verdict of a session: follows its events, and believes the end only when the
 * session itself says it. Owns no request and shows nothing.
 */
import { systemClock } from "../base/clock.ts";
import { sleep } from "../base/deadline.ts";
import { isFaultCode } from "../base/faults.ts";
import { HubError } from "../base/hub-error.ts";
import type { Api } from "./api.ts";
import { restingStates, type HubEvent, type Session } from "./api-types.ts";

/** The event stream is the fast way; this catches what it could miss. */
const CHECK_MS = 1_000;
/** A hub that restarts is back within seconds. */
const HUB_AWAY_MS_MAX = 30_000;
const REDIAL_MS = 250;
/** After these the session itself is asked whether that is the answer. */
const verdicts: ReadonlySet<string> = new Set([
  "session.connected",
  "session.suspended",
  "session.failed",
  "session.ended",
]);

export interface VerdictWait {
  /** Resting states in which the request has its answer. */
  readonly goals: readonly Session["state"][];
  /** Events up to this one happened before the request. */
  readonly after: number;
  /** Ends the waiting, not the session. */
  readonly signal: AbortSignal;
  readonly onEvent?: (event: HubEvent) => void;
  /** The event stream broke, and is taken up again. */
  readonly onAway?: () => void;
}

/** Sequence number of the session's last event so far; 0 when it has none. */
export async function lastEventSeq(api: Api, session: string): Promise<number> {
  const events = await api.timeline(session);
  return events.reduce((last, event) => Math.max(last, event.seq), 0);
}

type Wait = VerdictWait & { readonly api: Api; readonly asked: Session };

/** @throws HubError of a request that was refused after all, or of a hub that stays away. */
export function untilVerdict(api: Api, asked: Session, wait: VerdictWait): Promise<Session> {
  const stop = new AbortController();
  const signal = AbortSignal.any([wait.signal, stop.signal]);
  const whole: Wait = { ...wait, signal, api, asked };
  const ways = [byEvents(whole), byChecking(whole), rejection(signal)];
  return Promise.race(ways).finally(() => stop.abort());
}

async function byEvents(wait: Wait): Promise<Session> {
  const { api, asked, after, signal } = wait;
  let awaySinceMs: number | null = null;
  const events = api.events({
    session: asked.id,
    after,
    signal,
    async onLost(error) {
      awaySinceMs ??= systemClock.mono();
      if (!isTransient(error) || systemClock.mono() - awaySinceMs > HUB_AWAY_MS_MAX) throw error;
      wait.onAway?.();
      await sleep(systemClock, REDIAL_MS, signal);
    },
  });
  for await (const event of events) {
    awaySinceMs = null;
    const refusal = refusalOf(event, wait);
    if (refusal !== null) throw refusal;
    wait.onEvent?.(event);
    if (!verdicts.has(event.kind)) continue;
    const session = await lookUp(wait);
    if (session !== null && isAnswer(wait, session)) return session;
  }
  throw new HubError("LinkLost", "the event stream ended before the verdict");
}

/**
 * The attempt that was asked for failed and the session goes on as before, for example a pause that
 * the platform refuses: nothing more is to be waited for.
 */
function refusalOf(event: HubEvent, { goals, asked }: Wait): HubError | null {
  if (event.kind !== "attempt.ended" || goals.includes("connected")) return null;
  const ended = event.data as Readonly<Record<string, unknown>>;
  const failed = ended["attempt"] === asked.attempt && ended["result"] === "error";
  const { code, message, hint } = ended;
  if (!failed || event.state === "error" || !isFaultCode(code)) return null;
  const said = typeof message === "string" ? message : event.text;
  return new HubError(code, said, typeof hint === "string" ? { hint } : {});
}

/** Asks now and then, so that a lost event costs a second and not the verdict. */
async function byChecking(wait: Wait): Promise<Session> {
  let resting: string | null = null;
  for (;;) {
    await sleep(systemClock, CHECK_MS, wait.signal);
    const session = await lookUp(wait);
    if (session === null || !restingStates.includes(session.state)) resting = null;
    else if (isAnswer(wait, session) && resting === session.updatedAt) return session;
    else resting = session.updatedAt;
  }
}

/** An ended session whose sandbox is still being removed has not ended for the one who waits. */
function isAnswer({ goals }: VerdictWait, session: Session): boolean {
  return goals.includes(session.state) && session.detail !== "ended.cleaning";
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

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
