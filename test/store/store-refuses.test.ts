/** A disk that is full: a real small tmpfs under a real store, and the sessions above it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { HubError } from "../../src/base/hub-error.ts";
import { newRecord } from "../../src/store/facts.ts";
import { SqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { HubWorld, plainSpec } from "../support/hub-world.ts";
import { MemoryStore } from "../../src/testing/sim/memory-store.ts";
import { describeWhere, needs } from "../support/needs.ts";

const code = (work: () => void): string | null => {
  try {
    work();
    return null;
  } catch (error) {
    if (error instanceof HubError) return error.code;
    throw error;
  }
};

describeWhere([needs.root], "a store on a disk of one megabyte", () => {
  test("[FA13] a full disk refuses facts by code, keeps what it had, and takes facts again", () => {
    const dir = mkdtempSync(join(tmpdir(), "holdfast-full-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", dir]);
    try {
      const store = new SqliteStore(join(dir, "store.sqlite"));
      const record = newRecord("ses_1", "demo", plainSpec, 1);
      const fact = { kind: "session.created", at: 1, text: "", data: {}, change: {} } as const;
      store.create(record, fact);
      const big = { ...fact, kind: "platform.claimed", text: "x".repeat(50_000) } as const;
      const kept = [1];
      while (code(() => void store.append(record, big)) === null && kept.length < 100) kept.push(1);
      expect(kept.length).toBeLessThan(50);
      expect(code(() => void store.append(record, big))).toBe("StoreRefuses");
      expect(store.events({ after: 0, limit: 1_000 })).toHaveLength(kept.length);
      writeFileSync(join(dir, "x"), "");
      execFileSync("mount", ["-o", "remount,size=8m", dir]);
      expect(code(() => store.check())).toBeNull();
      expect(code(() => void store.append(record, big))).toBeNull();
      expect(store.events({ after: 0, limit: 1_000 })).toHaveLength(kept.length + 1);
      store.close();
    } finally {
      execFileSync("umount", [dir]);
      rmSync(dir, { recursive: true });
    }
  });
});

test("[SM56, FA13] a session stands still, says so, keeps its link, and goes on by itself", async () => {
  const store = new MemoryStore();
  const world = new HubWorld({ store });
  const { session, link } = await world.connected();
  store.refuses = true;
  const calls = world.platform.calls.length;
  expect(code(() => session.operate("operator.paused"))).toBe("StoreRefuses");
  expect(code(() => void world.create({ name: "other" }))).toBe("StoreRefuses");
  await world.clock.advanceAsync(600_000);
  expect(world.platform.calls.slice(calls)).toEqual([]);
  expect(world.sessions.storeTrouble?.why).toContain("disk is full");
  expect(session.health()).toMatchObject({
    status: "warn",
    state: "connected",
    verdict: { code: "StoreRefuses" },
  });
  expect([session.route, link.ended]).toEqual([link, null]);
  store.refuses = false;
  await world.clock.advanceAsync(2_000);
  expect(world.sessions.storeTrouble).toBeNull();
  expect([session.record.detail, session.route, link.ended]).toEqual([
    "connected.healthy",
    link,
    null,
  ]);
  expect(session.health().status).toBe("pass");
  expect(world.kinds(session)).toContain("store.refused");
});
