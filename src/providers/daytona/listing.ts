/** All sandboxes with certain labels, page by page: five words of each. */
import type { ListedSandbox } from "../provider.ts";
import { text } from "./answers.ts";
import { nonsense, readApi } from "./api-read.ts";
import { claimState } from "./classify.ts";
import type { Address } from "./platform-facts.ts";

/** The most that Daytona gives. */
const PAGE_ROWS = 200;
const CALL = "list sandboxes";

/** @throws as `readApi` */
export async function listSandboxes(
  from: Address,
  labels: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<readonly ListedSandbox[]> {
  const found: ListedSandbox[] = [];
  const asked = { labels: JSON.stringify(labels), limit: String(PAGE_ROWS) };
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ ...asked, ...(cursor !== null && { cursor }) });
    const page = await readApi(from, CALL, `/sandbox?${query.toString()}`, signal);
    const { items, nextCursor } = pageOf(page);
    // A platform that goes in a circle would be read for ever.
    if (nextCursor !== null && nextCursor === cursor) throw nonsense(CALL, "pages in a circle");
    found.push(...items.map(listedOf));
    cursor = nextCursor;
  } while (cursor !== null);
  return found;
}

interface Page {
  readonly items: readonly unknown[];
  readonly nextCursor: string | null;
}

function pageOf(page: unknown): Page {
  const { items, nextCursor } = (page ?? {}) as Readonly<Record<string, unknown>>;
  if (!Array.isArray(items)) throw nonsense(CALL, "there is no list in it");
  return { items, nextCursor: text(nextCursor) };
}

function listedOf(row: unknown): ListedSandbox {
  const { id, name, labels, state, createdAt } = (row ?? {}) as Readonly<Record<string, unknown>>;
  const [sandboxId, named] = [text(id), text(name)];
  if (sandboxId === null || named === null) throw nonsense(CALL, "a row of it is no sandbox");
  const bornAt = Date.parse(text(createdAt) ?? "");
  return {
    sandboxId,
    name: named,
    labels: (labels ?? {}) as ListedSandbox["labels"],
    createdAt: Number.isNaN(bornAt) ? null : bornAt,
    state: claimState(text(state) ?? ""),
  };
}
