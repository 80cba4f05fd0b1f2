/** What happened to a session, as calls: one page, or the newest thousand. */
import type { HubEvent, TimelinePage } from "./api-types.ts";

export interface TimelineQuery {
  /** Facts of a page, at most 1,000. */
  readonly limit?: number;
  /** `nextCursor` of the page after it in time. */
  readonly cursor?: string;
}

type Call = (method: string, path: string) => Promise<unknown>;

export function timelineCalls(call: Call) {
  const page = async (idOrName: string, { limit, cursor }: TimelineQuery = {}) => {
    const query = new URLSearchParams();
    if (limit !== undefined) query.set("limit", String(limit));
    if (cursor !== undefined) query.set("cursor", cursor);
    const path = `/v1/sessions/${encodeURIComponent(idOrName)}/timeline`;
    return (await call("GET", query.size > 0 ? `${path}?${query}` : path)) as TimelinePage;
  };
  return {
    /** One page of what happened, in order; the newest page unless a cursor says another. */
    timelinePage: page,

    /** The newest 1,000 facts, in order. */
    async timeline(idOrName: string): Promise<readonly HubEvent[]> {
      return (await page(idOrName)).items;
    },
  };
}
