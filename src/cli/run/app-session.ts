/**
 * The session of one run, from nothing to gone. It stands under a lease that is renewed for as long
 * as this process lives, so that neither a kill nor a lost machine leaves a sandbox.
 */
import type { Api } from "../../client/api.ts";
import type { HubEvent, NewSession, Session } from "../../client/api-types.ts";
import { lastEventSeq, untilVerdict } from "../../client/verdict.ts";
import { writeDuration } from "../../base/duration.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import { RunFailed } from "./run-failed.ts";

/** Three renewals may be lost. */
const RENEWALS_PER_LEASE = 4;
/** A platform that is slow to delete is not waited for without end; the hub goes on by itself. */
const REMOVE_WITHIN_MS = 60_000;

export interface AppSession {
  readonly id: string;
  readonly name: string;
  readonly sandboxId: string | null;
  /** Resolves when the sandbox is gone. @throws HubError */
  remove(): Promise<void>;
}

export interface OpenOptions {
  readonly api: Api;
  readonly wanted: NewSession;
  /** For how long the sandbox outlives a process that was killed. */
  readonly leaseMs: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: HubEvent) => void;
  /** The session is gone although nobody here ended it. */
  readonly onGone: (error: HubError) => void;
}

/** @throws RunFailed; then nothing of it is left */
export async function openAppSession(options: OpenOptions): Promise<AppSession> {
  const { api, wanted, signal, onEvent } = options;
  signal.throwIfAborted();
  const labels = { ...wanted.labels, "holdfast/lease": writeDuration(options.leaseMs) };
  const asked = await api.create({ ...wanted, labels });
  const stopRenewing = keepRenewing(options, asked.id);
  const remove = async (): Promise<void> => {
    stopRenewing();
    await removed(api, asked);
  };
  try {
    const goals = ["connected", "error", "suspended", "ended"] as const;
    const session = await untilVerdict(api, asked, { goals, after: 0, signal, onEvent });
    if (session.state !== "connected") throw notStarted(session);
    const { id, name, sandboxId } = session;
    return { id, name, sandboxId, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

function notStarted({ name, state, lastError }: Session): RunFailed {
  if (lastError === null) return new RunFailed("startup", "StateConflict", `${name} is ${state}`);
  const { code, message, hint, category } = lastError;
  const whose = category === "operator" || category === "caller" ? "caller" : "startup";
  return new RunFailed(whose, code, message, { hint });
}

function keepRenewing({ api, leaseMs, onGone }: OpenOptions, id: string): () => void {
  let over = false;
  const timer = setInterval(() => {
    api.renew(id).catch((error: unknown) => {
      const fault = toHubError(error);
      // A hub that is away is asked again; only its own word says that the session is over.
      const isGone = fault.code === "SessionNotFound" || fault.code === "SessionEnded";
      if (isGone && !over) onGone(fault);
    });
  }, leaseMs / RENEWALS_PER_LEASE);
  return () => {
    over = true;
    clearInterval(timer);
  };
}

async function removed(api: Api, session: Session): Promise<void> {
  const limit = new AbortController();
  const late = new HubError("WaitTimeout", `${session.name} is not gone yet; the hub goes on`);
  const timer = setTimeout(() => limit.abort(late), REMOVE_WITHIN_MS);
  try {
    const after = await lastEventSeq(api, session.id);
    const asked = (await api.remove(session.id)) ?? session;
    await untilVerdict(api, asked, { goals: ["ended"], after, signal: limit.signal });
  } catch (error) {
    if (toHubError(error).code !== "SessionNotFound") throw error;
  } finally {
    clearTimeout(timer);
  }
}
