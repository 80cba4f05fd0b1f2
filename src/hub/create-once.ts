/**
 * One session for each Idempotency-Key, at whichever hubs it is asked for: made here, found here,
 * or with the hub that was faster. Owns the order of these; who is asked for what is the caller's.
 */
import { HubError } from "../base/hub-error.ts";
import { isLoss } from "../store/refusal.ts";
import type { SeenSessions } from "./seen-sessions.ts";
import type { Session } from "./session/session.ts";
import type { NewSession, Sessions } from "./sessions.ts";

export interface CreateDesk {
  readonly seen: SeenSessions;
  readonly hub: Pick<Sessions, "kept">;
  /** Counts a new one. @returns how it is given back. @throws HubError HubBusy, RateLimited */
  readonly take: () => () => void;
  /** To the hub that has the session of the request's key; false when none has. */
  readonly pass: () => Promise<boolean>;
}

/** There once its row is kept. Null when another hub answers. @throws HubError */
export async function createOnce(
  wanted: Omit<NewSession, "tenant">,
  waitMs: number,
  { seen, hub, take, pass }: CreateDesk,
): Promise<Session | null> {
  const { requestKey } = wanted;
  const isRepeated = requestKey !== undefined && seen.madeBy(requestKey) !== undefined;
  const giveBack = isRepeated ? null : take();
  const session = orGiveBack(giveBack, () => seen.create(wanted));
  try {
    await hub.kept(session, waitMs);
  } catch (error) {
    if (!(error instanceof HubError && isLoss(error))) throw error;
    giveBack?.();
    // Two hubs were asked at once, and the other was faster.
    if (await pass()) return null;
    throw error;
  }
  return session;
}

/** What was refused for another reason counts for nobody. */
function orGiveBack<T>(giveBack: (() => void) | null, create: () => T): T {
  try {
    return create();
  } catch (error) {
    giveBack?.();
    throw error;
  }
}
