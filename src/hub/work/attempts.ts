/**
 * Work in a session with all tries that it was allowed: what fails because of the session is tried
 * again once the session is proven again, on a fresh sandbox where the ladder made one, within the
 * same call. What the code itself does is never a reason to try again, and a refusal that no try
 * can change (keys, quota, a wrong request) ends the call at once.
 */
import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/deadline.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { WorkAttempt } from "../../protocol/api/work.ts";
import { isAtRest } from "../session/outcome.ts";
import type { Session } from "../session/session.ts";
import type { Sessions } from "../sessions.ts";
import { faultOf } from "./session-fault.ts";

/** One climb of the whole ladder, with a fresh sandbox at its end. */
const HEAL_MS = 180_000;
/** Between two tries in a session that is well, doubled each time. */
const AGAIN_MS = 500;

export interface RetrySetting {
  /** How often it is tried again after a failure that is not the command's own. */
  readonly retries: number;
  /** A session that rests in error is healed first, as by `holdfast retry`. */
  readonly restart: boolean;
}

/** All tries failed; each is told with its reason. */
export class WorkFailed extends HubError {
  readonly attempts: readonly WorkAttempt[];

  constructor(last: HubError, attempts: readonly WorkAttempt[]) {
    const { code, hint, cause, raw } = last;
    super(code, last.message, { hint, cause, ...(raw !== undefined && { raw }) });
    this.attempts = attempts;
  }
}

export interface Tries {
  readonly sessions: Sessions;
  readonly session: Session;
  readonly clock: Clock;
  readonly setting: RetrySetting;
  /** The caller left. */
  readonly signal: AbortSignal;
  readonly onFailed: (attempt: WorkAttempt) => void;
}

/** @throws WorkFailed, or the reason of the signal */
export async function withAttempts<T>(
  tries: Tries,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<{ readonly value: T; readonly attempts: readonly WorkAttempt[] }> {
  const { session, clock, setting, signal } = tries;
  const attempts: WorkAttempt[] = [];
  for (let number = 1; ; number++) {
    const { sandboxId, epoch } = session.record;
    const startedAt = clock.now();
    const told = (fault: HubError | null): WorkAttempt => ({
      attempt: number,
      sandboxId,
      epoch,
      startedAt: new Date(startedAt).toISOString(),
      durationMs: clock.now() - startedAt,
      code: fault?.code ?? null,
      message: fault?.message ?? null,
    });
    try {
      if (session.route === null) throw faultOf(session.record);
      const value = await untilLost(tries, work);
      attempts.push(told(null));
      return { value, attempts };
    } catch (error) {
      signal.throwIfAborted();
      const fault = toHubError(error);
      const failed = told(fault);
      attempts.push(failed);
      if (number > setting.retries || !canChange(fault)) throw new WorkFailed(fault, attempts);
      tries.onFailed(failed);
    }
    await recovered(tries, number).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new WorkFailed(toHubError(error), attempts);
    });
  }
}

/** The ladder may change it; a refusal stays one however often it is asked for. */
function canChange(fault: HubError): boolean {
  if (fault.code === "SessionNotConnected") return true;
  const { category, retry } = fault.kind;
  return retry !== "never" && category !== "defect" && category !== "task";
}

/** Ends the work when its session rests and is not connected: nobody brings its driver back. */
function untilLost<T>(tries: Tries, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { sessions, session, signal } = tries;
  const controller = new AbortController();
  const leave = (): void => controller.abort(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  const forget = sessions.onEvent(({ session: id }) => {
    if (id !== session.record.id) return;
    // The event comes with its fact, and the record is its fold in the same turn.
    queueMicrotask(() => {
      const { record } = session;
      if (record.state === "connected" || !isAtRest(record)) return;
      controller.abort(faultOf(record));
    });
  });
  return work(controller.signal).finally(() => {
    forget();
    signal.removeEventListener("abort", leave);
  });
}

/** Resolves when the session is connected by a proof that is newer than the failure. */
async function recovered(tries: Tries, number: number): Promise<void> {
  const { sessions, session, clock, setting, signal } = tries;
  await sleep(clock, AGAIN_MS * 2 ** (number - 1), signal);
  if (isConnected(session)) session.prove();
  await settled(sessions.proven(session, HEAL_MS), signal);
  if (isConnected(session)) return;
  if (!setting.restart || session.record.state !== "error") throw faultOf(session.record);
  session.operate("operator.retried", "because work in it failed");
  await settled(sessions.verdict(session, HEAL_MS), signal);
  if (!isConnected(session)) throw faultOf(session.record);
}

function isConnected({ record }: Session): boolean {
  return record.state === "connected";
}

function settled(wait: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason as Error);
    if (signal.aborted) leave();
    signal.addEventListener("abort", leave, { once: true });
    void wait.then(() => {
      signal.removeEventListener("abort", leave);
      resolve();
    });
  });
}
