/**
 * From a hub of its own to the first of several: what its file holds goes into an empty
 * PostgreSQL, under the id of this hub, which its sandboxes carry. The file is moved aside behind
 * it, so that no hub goes on with it by accident; nothing is deleted.
 */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import { fillDatabase } from "../../store/postgres/fill-database.ts";
import { SqliteStore } from "../../store/sqlite/sqlite-store.ts";
import { StorePages } from "../../store/sqlite/store-pages.ts";
import { openSecrets } from "../hub-secrets.ts";
import { draftIn, dropDrafts } from "./drafts.ts";
import type { ClusterSettings } from "../cluster/settings.ts";

export interface Imported {
  readonly cluster: string;
  readonly sessions: number;
  readonly facts: number;
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
      onFacts: (n: number) => onFacts(n, counts.facts),
    };
    const read = { sessions: pages.sessions.bind(pages), facts: pages.facts.bind(pages) };
    try {
      await fillDatabase(url, { idIfFirst: hubId, secret }, { ...told, ...read });
    } finally {
      pages.close();
    }
    imported = { cluster: hubId, ...counts };
  } finally {
    store.close();
    rmSync(draft, { recursive: true, force: true });
  }
  return { ...imported, aside: moveAside(file) };
}

function moveAside(file: string): string {
  const at = new Date(systemClock.now()).toISOString().replace(/[:.]/g, "-");
  const aside = `${file}.imported-${at}`;
  renameSync(file, aside);
  return aside;
}
