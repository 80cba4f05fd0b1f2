/**
 * A list of sessions that stays true: read once, then whoever had an event is looked up again.
 * Bursts are answered by one question for all who changed. Shows nothing.
 */
import { systemClock } from "../base/clock.ts";
import { sleep } from "../base/deadline.ts";
import { HubError } from "../base/hub-error.ts";
import type { Api, SessionQuery } from "../client/api.ts";
import type { Session } from "../client/api-types.ts";

/** The hub's own bound for one page, and for the ids of one question. */
const PAGE_SESSIONS = 200;
/** What happens within it is one change. */
const GATHER_MS = 200;
const REDIAL_MS = 1_000;

export interface FleetChange {
  /** All that the filter lets through, oldest first. */
  readonly sessions: readonly Session[];
  readonly changed: readonly Session[];
  /** Removed, or not let through any more. */
  readonly gone: readonly Session[];
}

export interface FleetWatch {
  readonly query: SessionQuery;
  readonly signal: AbortSignal;
  readonly onChange: (change: FleetChange) => void;
  readonly onAway: () => void;
}

/** All sessions that a filter lets through, oldest first, and the event after which news begin. */
export async function allSessions(
  api: Pick<Api, "sessions">,
  query: SessionQuery = {},
): Promise<{ readonly sessions: readonly Session[]; readonly eventSeq: number }> {
  const sessions: Session[] = [];
  let eventSeq: number | null = null;
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<Api["sessions"]>> = await api.sessions({
      ...query,
      limit: PAGE_SESSIONS,
      ...(cursor === null ? {} : { cursor }),
    });
    sessions.push(...page.items);
    // What happened between two pages is told again: the news begin where the first page ended.
    eventSeq ??= page.eventSeq;
    cursor = page.nextCursor;
  } while (cursor !== null);
  return { sessions, eventSeq: eventSeq ?? 0 };
}

/** Runs until it is told to stop. @throws HubError of a hub that refuses */
export async function watchFleet(
  api: Pick<Api, "sessions" | "events">,
  { query, signal, onChange, onAway }: FleetWatch,
): Promise<void> {
  const first = await allSessions(api, query);
  const fleet = new Map(first.sessions.map((session) => [session.id, session]));
  onChange({ sessions: first.sessions, changed: first.sessions, gone: [] });
  const touched = new Set<string>();
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const lost = async (error: unknown): Promise<void> => {
    if (error instanceof HubError && error.code !== "HubUnreachable") throw error;
    onAway();
    await pause(REDIAL_MS, stop);
  };
  const listen = async (): Promise<void> => {
    const events = api.events({ after: first.eventSeq, signal: stop, onLost: lost });
    for await (const { session } of events) if (session !== null) touched.add(session);
  };
  const look = async (): Promise<void> => {
    while (!stop.aborted) {
      await pause(GATHER_MS, stop);
      if (touched.size === 0) continue;
      const ids = [...touched].slice(0, PAGE_SESSIONS);
      const changed = await lookUp(api, query, ids, lost);
      if (changed === null) continue;
      for (const id of ids) touched.delete(id);
      onChange(applied(fleet, ids, changed));
    }
  };
  // Whichever ends first, by ^C or by a refusal, takes the other along.
  const both = [listen(), look()].map((one) => one.finally(() => over.abort()));
  await Promise.all(both);
}

/** Null when the hub was away: the same is asked again. */
async function lookUp(
  api: Pick<Api, "sessions">,
  query: SessionQuery,
  ids: readonly string[],
  lost: (error: unknown) => Promise<void>,
): Promise<readonly Session[] | null> {
  try {
    return (await api.sessions({ ...query, id: ids, limit: PAGE_SESSIONS })).items;
  } catch (error) {
    await lost(error);
    return null;
  }
}

function applied(
  fleet: Map<string, Session>,
  ids: readonly string[],
  changed: readonly Session[],
): FleetChange {
  const found = new Set(changed.map(({ id }) => id));
  const left = ids.filter((id) => !found.has(id));
  const gone = left.flatMap((id) => fleet.get(id) ?? []);
  for (const id of left) fleet.delete(id);
  for (const session of changed) fleet.set(session.id, session);
  const sessions = [...fleet.values()].sort((a, b) => a.createdAt.localeCompare(b.createdAt));
  return { sessions, changed, gone };
}

/** Ends early when the signal does. */
function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  // Whoever waits looks at the signal next: that it came is no failure.
  return sleep(systemClock, waitMs, signal).catch(() => undefined);
}
