/** All of a session's timeline that the hub keeps, page by page, oldest first. */
import type { Api } from "../client/api.ts";
import type { HubEvent } from "../client/api-types.ts";

export async function wholeTimeline(
  api: Pick<Api, "timelinePage">,
  name: string,
): Promise<readonly HubEvent[]> {
  const pages: (readonly HubEvent[])[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<Api["timelinePage"]>> = await api.timelinePage(
      name,
      cursor === null ? {} : { cursor },
    );
    pages.push(page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return pages.toReversed().flat();
}
