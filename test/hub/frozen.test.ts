/**
 * What earlier releases left on disks, opened by this one. `node build/freeze.ts` made each; a
 * store that this version cannot read any more is found here, and not by its owner.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { restoreBackup } from "../../src/hub/backup/restore-backup.ts";
import { sessionStates } from "../../src/store/facts.ts";
import { SqliteStore } from "../../src/store/sqlite/sqlite-store.ts";

interface FrozenSession {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly detail: string;
  readonly sandboxId: string | null;
  readonly epoch: number;
  readonly lastError: { readonly code: string } | null;
}

const frozen = join(import.meta.dirname, "..", "frozen");
const releases = readdirSync(frozen);
const place = mkdtempSync(join(tmpdir(), "hfz-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

test("there is a frozen release", () => {
  expect(releases).toContain("0.1.0");
});

test.each(releases)("the store of %s has its sessions, and takes new facts", async (release) => {
  const home = join(place, release);
  mkdirSync(home, { mode: 0o700 });
  const { about } = await restoreBackup(join(frozen, release, "hub.backup"), home, false);
  expect(about.holdfast).toBe(release);
  const store = new SqliteStore(join(home, "store.sqlite"));
  const sessions = store.load();
  const told = JSON.parse(
    readFileSync(join(frozen, release, "sessions.json"), "utf8"),
  ) as FrozenSession[];
  const seen = sessions.map(({ id, name, state, detail, sandboxId, epoch, fault }) => {
    return { id, name, state, detail, sandboxId, epoch, code: fault?.code };
  });
  expect(seen).toEqual(
    told.map(({ id, name, state, detail, sandboxId, epoch, lastError }) => {
      return { id, name, state, detail, sandboxId, epoch, code: lastError?.code };
    }),
  );
  // Not one kind of session only: a fold that forgot a state would pass else.
  const states = new Set(sessions.map(({ state }) => state));
  expect(
    ["connected", "suspended", "error"].filter((state) => !states.has(state as never)),
  ).toEqual([]);
  for (const event of store.events({ after: 0, limit: 1_000 })) {
    expect(sessionStates).toContain(event.state);
    expect(event.text.length).toBeGreaterThan(0);
  }
  const [first] = sessions;
  if (first === undefined) throw new Error("a frozen store without sessions");
  const change = { epochIssued: first.epochIssued + 1 };
  store.append(first, {
    kind: "epoch.issued",
    at: first.updatedAt + 1,
    text: "",
    data: {},
    change,
  });
  store.close();
  const again = new SqliteStore(join(home, "store.sqlite"));
  expect(again.find(first.id)?.epochIssued).toBe(first.epochIssued + 1);
  again.close();
});
