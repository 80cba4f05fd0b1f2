/**
 * From a hub of its own to the first of several: what its file holds goes into an empty
 * PostgreSQL, under the id of this hub, which its sandboxes carry, and its API tokens and revoked
 * links with it. The files are moved aside behind it, so that no hub goes on with them by accident;
 * nothing is deleted.
 */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { HubError } from "../../base/hub-error.ts";
import { fillDatabase } from "../../store/postgres/fill-database.ts";
import { SqliteStore } from "../../store/sqlite/sqlite-store.ts";
import { StorePages } from "../../store/sqlite/store-pages.ts";
import { openSecrets } from "../hub-secrets.ts";
import { rightsIn } from "../cluster/bring-along.ts";
import { tokenRow } from "../cluster/right-views.ts";
import { draftIn, dropDrafts } from "./drafts.ts";
import { moveAside } from "./move-aside.ts";
import type { ClusterSettings } from "../cluster/settings.ts";

export interface Imported {
  readonly cluster: string;
  readonly sessions: number;
  readonly facts: number;
  readonly tokens: number;
  /** Where the file is now. */
  readonly aside: string;
}

/** @throws HubError BadRequest, HubRunning, StateConflict, ConfigInvalid, StoreUnreachable */
export async function importStore(
  home: string,
  { url, secret }: Pick<ClusterSettings, "url" | "secret">,
  onFacts: (count: number, of: number) => void,
): Promise<Imported> {
  const file = join(home, "store.sqlite");
  if (!existsSync(file)) {
    throw new HubError("BadRequest", `there is no store.sqlite in ${home} to import`, {
      hint: "Name the state directory of the hub with --home or HOLDFAST_HOME.",
    });
  }
  // Open, it is locked: no hub writes it meanwhile.
  const store = new SqliteStore(file);
  const rights = rightsIn(home);
  const draft = draftIn(home, "import");
  let imported: Omit<Imported, "aside">;
  try {
    dropDrafts(home);
    const { hubId } = openSecrets(home);
    mkdirSync(draft, { mode: 0o700 });
    const copy = join(draft, "store.sqlite");
    await store.copyTo(copy);
    const pages = new StorePages(copy);
    const { counts } = pages;
    const told = {
      counts,
      booked: store.booked(),
      tokens: rights.tokens.map(tokenRow),
      links: rights.links,
      onFacts: (n: number) => onFacts(n, counts.facts),
    };
    const read = { sessions: pages.sessions.bind(pages), facts: pages.facts.bind(pages) };
    try {
      await fillDatabase(url, { idIfFirst: hubId, secret }, { ...told, ...read });
    } finally {
      pages.close();
    }
    imported = { cluster: hubId, ...counts, tokens: rights.tokens.length };
  } finally {
    store.close();
    rmSync(draft, { recursive: true, force: true });
  }
  rights.moveAside();
  return { ...imported, aside: moveAside(file) };
}
