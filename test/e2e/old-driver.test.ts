/**
 * A hub of now with the driver of an earlier release: the one that a sandbox still runs after its
 * hub was upgraded. It stays until it ends by itself, or until nobody misses it; then the hub
 * launches its own.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureBundles } from "../../build/bundle.ts";
import type { Health } from "../../src/client/api-types.ts";
import { productVersion } from "../../src/cli/version.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { RealHub } from "./hub-kit.ts";
import { makeDataDir, startPlatform, stopPlatform, type StartedPlatform } from "./platform-kit.ts";

const frozen = join(import.meta.dirname, "..", "frozen");

describeWhere([needs.linux], "a hub of now", () => {
  let place: string;
  let platform: StartedPlatform;
  beforeAll(async () => {
    place = mkdtempSync(join(tmpdir(), "hfo-"));
    platform = await startPlatform(makeDataDir());
  });
  afterAll(async () => {
    await stopPlatform(platform);
    rmSync(place, { recursive: true, force: true });
  });

  test.each(readdirSync(frozen))(
    "works with the driver of %s, and replaces it",
    async (release) => {
      const driverBundle = join(place, `${release}.cjs`);
      // A mark at its end: the code of the newest release may be that of now.
      writeFileSync(driverBundle, `${frozenDriver(release)}//frozen`);
      const hub = new RealHub(platform, {}, { driverBundle });
      // A driver that old lets a nudge end its own dial: it comes by itself, within five seconds.
      const policy = { nudgeWaitsMs: [9_000] };
      const upgraded = new RealHub(platform, policy, { home: hub.home });
      const says = (by: RealHub, command: string) =>
        by.ask<object>("POST", "/sessions/old/exec", { command });
      try {
        await hub.start();
        const made = await hub.ask("POST", "/sessions?wait=30", { name: "old" });
        expect(made.state).toBe("connected");
        const answer = { stdout: "42\n", exitCode: 3 };
        const mark = "tail -c 8 ~/.holdfast/driver.cjs";
        expect(await says(hub, mark)).toMatchObject({ stdout: "//frozen" });
        expect(await says(hub, "echo $((6 * 7)); exit 3")).toMatchObject(answer);
        await hub.kill("SIGKILL");

        await upgraded.start();
        const found = await upgraded.until("old", ({ state }) => state === "connected");
        expect([found.sandboxId, found.epoch]).toEqual([made.sandboxId, made.epoch + 1]);
        expect(await says(upgraded, mark)).toMatchObject({ stdout: "//frozen" });
        expect(await says(upgraded, "echo $((6 * 7)); exit 3")).toMatchObject(answer);

        // It is its parent: the sandbox loses its old driver, and gets the one of this hub.
        await says(upgraded, "kill -9 $PPID");
        const next = await upgraded.until("old", ({ state, epoch }) => {
          return state === "connected" && epoch > found.epoch;
        });
        expect(next.sandboxId).toBe(made.sandboxId);
        expect(await says(upgraded, mark)).not.toMatchObject({ stdout: "//frozen" });
        expect(await says(upgraded, "echo $((6 * 7)); exit 3")).toMatchObject(answer);
      } finally {
        await hub.kill("SIGKILL");
        await upgraded.ask("DELETE", "/sessions/old?wait=20");
        await upgraded.remove();
        await hub.remove();
      }
    },
  );

  test.each(readdirSync(frozen))(
    "[DU1, DU2] updates the driver of %s, after the command that runs in it",
    async (release) => {
      const old = join(place, `${release}-old.cjs`);
      const newer = join(place, `${release}-newer.cjs`);
      writeFileSync(old, frozenDriver(release));
      // The driver of now, as a release that is yet to come.
      const now = readFileSync((await ensureBundles()).driver, "utf8");
      writeFileSync(newer, now.replaceAll(productVersion(), NEXT));
      const hub = new RealHub(platform, {}, { driverBundle: old });
      const policy = { driverUpdateMs: 1_500 };
      const upgraded = new RealHub(platform, policy, { home: hub.home, driverBundle: newer });
      try {
        await hub.start();
        const made = await hub.ask("POST", "/sessions?wait=30", { name: "busy" });
        expect(made.state).toBe("connected");
        await hub.kill("SIGKILL");

        await upgraded.start();
        const found = await upgraded.until("busy", ({ state }) => state === "connected");
        const command = "for i in $(seq 1 3000); do echo line $i; done; sleep 3; echo end";
        const answer = upgraded.ask<object>("POST", "/sessions/busy/exec", { command });
        const waits = `update to ${NEXT} waits: 1 command runs`;
        await untilUpdate(upgraded, (update) => update === waits);
        const lines = Array.from({ length: 3000 }, (_, index) => `line ${index + 1}\n`).join("");
        expect(await answer).toMatchObject({ exitCode: 0, stdout: `${lines}end\n` });
        expect((await upgraded.ask("GET", "/sessions/busy")).epoch).toBe(found.epoch);

        const next = await upgraded.until("busy", ({ state, epoch }) => {
          return state === "connected" && epoch > found.epoch;
        });
        expect([next.sandboxId, next.lastError]).toEqual([made.sandboxId, null]);
        await untilUpdate(upgraded, (update) => update === null);
        const { driver } = await healthOf(upgraded);
        expect(driver).toEqual({ version: NEXT, newest: NEXT, update: null });
      } finally {
        await hub.kill("SIGKILL");
        await upgraded.ask("DELETE", "/sessions/busy?wait=20");
        await upgraded.remove();
        await hub.remove();
      }
    },
  );
});

const NEXT = "9.9.9";

const healthOf = (hub: RealHub) => hub.ask<Health>("GET", "/sessions/busy/health");

async function untilUpdate(hub: RealHub, holds: (update: string | null) => boolean): Promise<void> {
  for (;;) {
    const { driver } = await healthOf(hub);
    if (driver !== undefined && holds(driver.update)) return;
    await new Promise((next) => setTimeout(next, 50));
  }
}

function frozenDriver(release: string): string {
  const packed = readFileSync(join(frozen, release, "driver.cjs.br"));
  return brotliDecompressSync(packed).toString("utf8");
}
