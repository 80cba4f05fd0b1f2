/**
 * A page over the sessions of all hubs that share a store. Which there are, and in which order, is
 * the store's; how each is, its own hub's, this one or another.
 */
import { sees, type Principal } from "../auth/principal.ts";
import type { Roster, Said } from "../cluster/roster.ts";
import type { Enrolled, RosterQuery } from "../../store/roster.ts";
import type { SeenSessions } from "../seen-sessions.ts";
import type { Session } from "../session/session.ts";
import { cursorOf, isWanted, noPlace, PAGE_MAX, sieveOf } from "./session-query.ts";
import type { Page, SessionQuery } from "./session-query.ts";
import { recordView, unseenHealth, type SessionView } from "./session-view.ts";

/** Looked through for one page at most; a page that is not full then is followed by another. */
const LOOK_THROUGH = 1_000;

export interface WholeListParts {
  readonly roster: Pick<Roster, "enrolled" | "told">;
  readonly seen: Pick<SeenSessions, "has" | "find">;
  readonly as: Principal;
  readonly platform: string;
  readonly now: number;
  /** One that is here, with its health. */
  readonly view: (session: Session) => SessionView;
}

/** @throws HubError BadRequest for a cursor that no page ever gave */
export async function wholePageOf(
  query: SessionQuery,
  parts: WholeListParts,
): Promise<Page<SessionView>> {
  const { after, limit, code } = query;
  const enrolled = await parts.roster.enrolled(rosterQueryOf(query, parts.as));
  if (enrolled === null && after !== null) noPlace(after);
  const candidates = enrolled ?? [];
  // Only hubs know a verdict: most of those that may have one are asked about in vain.
  const step = code === null ? limit : PAGE_MAX;
  const page: SessionView[] = [];
  let last: SessionView | null = null;
  let at = 0;
  while (at < candidates.length && page.length < limit) {
    for (const view of await viewsOf(candidates.slice(at, at + step), parts)) {
      if (page.length === limit) break;
      at += 1;
      if (view === null) continue;
      last = view;
      const { lastError: fault, health } = view;
      const judged = { ...view, fault, verdict: () => health?.verdict.code ?? "" };
      if (sees(parts.as, view) && isWanted(judged, query)) page.push(view);
    }
  }
  const isMore = at < candidates.length || candidates.length === LOOK_THROUGH;
  return { page, nextCursor: isMore && last !== null ? cursorOf(placeOf(last)) : null };
}

function rosterQueryOf(query: SessionQuery, { tenant, sessions }: Principal): RosterQuery {
  const asked = query.id === null ? null : [...query.id];
  const ids = sessions === null ? asked : (asked ?? sessions).filter((id) => sessions.includes(id));
  const after = query.after?.id ?? null;
  return { limit: LOOK_THROUGH, after, tenant, ids, sieve: sieveOf(query) };
}

/** In their order; null for one that is gone since they were looked up. */
async function viewsOf(
  enrolled: readonly Enrolled[],
  parts: WholeListParts,
): Promise<readonly (SessionView | null)[]> {
  const { roster, seen, as, view } = parts;
  const far = enrolled.filter(({ id }) => !seen.has(id));
  const told = far.length === 0 ? [] : await roster.told(far, as);
  const byId = new Map(told.map((said) => [said.id, said]));
  return enrolled.map(({ id }) => {
    // It may have come here while its hub was asked.
    if (seen.has(id)) return view(seen.find(id));
    const said = byId.get(id);
    return said === undefined ? null : farView(said, parts);
  });
}

function farView(said: Said, { platform, now }: WholeListParts): SessionView | null {
  const { hub } = said;
  if ("view" in said) return { ...said.view, hub };
  const { record, stale } = said;
  if (record.detail === "ended.gone") return null;
  const health = unseenHealth(record, platform, stale);
  return { ...recordView(record, platform, now), hub, stale, health };
}

function placeOf({ createdAt, id }: SessionView) {
  return { createdAt: Date.parse(createdAt), id };
}
