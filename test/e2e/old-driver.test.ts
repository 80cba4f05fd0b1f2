/**
 * A hub of now with the driver of an earlier release: the one that a sandbox still runs after its
 * hub was upgraded. It stays until it ends by itself, and then the hub launches its own.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
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
      const packed = readFileSync(join(frozen, release, "driver.cjs.br"));
      // A mark at its end: the code of the newest release may be that of now.
      writeFileSync(driverBundle, `${brotliDecompressSync(packed).toString("utf8")}//frozen`);
      const hub = new RealHub(platform, {}, { driverBundle });
      const upgraded = new RealHub(platform, {}, { home: hub.home });
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
});
