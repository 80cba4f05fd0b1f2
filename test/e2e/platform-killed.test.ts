/** The platform killed at many instants: nothing that was promised is lost, nothing leaks. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import {
  api,
  exited,
  makeDataDir,
  runPlatform,
  sdk,
  startPlatform,
  stopPlatform,
} from "./platform-kit.ts";
import { until } from "../support/until.ts";
import type { StartedPlatform } from "./platform-kit.ts";

interface Listed {
  items: { id: string; name: string; state: string; errorReason: string | null }[];
}

const list = async (platform: StartedPlatform): Promise<Listed["items"]> =>
  ((await (await api(platform, "/sandbox")).json()) as Listed).items;

const pause = (waitMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, waitMs));

async function killAndRestart(platform: StartedPlatform): Promise<StartedPlatform> {
  platform.child.kill("SIGKILL");
  await exited(platform.child);
  return startPlatform(platform.dataDir);
}

function lockHolder(dataDir: string): number {
  const lock = readFileSync(join(dataDir, "p", "lock.json"), "utf8");
  return (JSON.parse(lock) as { pid: number }).pid;
}

/** Directories of sandboxes that a start made only to see whether it can. */
function triedOut(dataDir: string): string[] {
  const dir = join(dataDir, "p", "sandboxes");
  return existsSync(dir) ? readdirSync(dir) : [];
}

describeWhere([needs.linux, needs.root], "a platform killed at any instant", () => {
  test("of a create: the sandbox is absent, started or in error, and can be deleted without rest", async () => {
    let platform = await startPlatform(makeDataDir());
    const seen = new Set<string>();
    for (const [index, waitMs] of [1, 10, 30, 60, 120].entries()) {
      const name = `doomed-${index}`;
      const creating = sdk(platform).create({ name });
      creating.catch(() => undefined);
      await pause(waitMs);
      platform = await killAndRestart(platform);
      for (const item of await list(platform)) {
        seen.add(item.state);
        expect(["started", "error"]).toContain(item.state);
        if (item.state === "error") expect(item.errorReason).toContain("platform ended");
        const deleted = await api(platform, `/sandbox/${item.id}`, { method: "DELETE" });
        expect(deleted.status).toBe(200);
      }
      const info = (await (await api(platform, "/_platform/info")).json()) as { counts: object };
      expect(info.counts).toEqual({ sandboxes: 0, processes: 0, mounts: 0, cgroups: 0 });
      expect(readdirSync(join(platform.dataDir, "p", "sandboxes"))).toEqual([]);
    }
    // A run that never met a half-made sandbox would have shown nothing.
    expect(seen).toContain("error");
    await stopPlatform(platform);
  });

  test("of a stop, start, pause or delete: the files are there until the delete", async () => {
    let platform = await startPlatform(makeDataDir());
    const box = await sdk(platform).create({ name: "tough" });
    await box.fs.uploadFile(Buffer.from("kept"), "kept.txt");
    for (const [verb, waitMs] of [
      ["stop", 3],
      ["stop", 10],
      ["start", 20],
      ["start", 60],
      ["pause", 2],
      ["start", 2],
    ] as const) {
      const asked = api(platform, `/sandbox/${box.id}/${verb}`, { method: "POST" });
      asked.catch(() => undefined);
      await pause(waitMs);
      platform = await killAndRestart(platform);
      const [item] = await list(platform);
      expect(["started", "stopped", "paused"]).toContain(item?.state);
      if (item?.state !== "started") {
        const started = await api(platform, `/sandbox/${box.id}/start`, { method: "POST" });
        expect(started.status).toBe(200);
      }
      await box.refreshData();
      expect((await box.fs.downloadFile("kept.txt")).toString()).toBe("kept");
    }
    const deleting = api(platform, `/sandbox/${box.id}`, { method: "DELETE" });
    deleting.catch(() => undefined);
    await pause(3);
    platform = await killAndRestart(platform);
    for (const item of await list(platform)) {
      await api(platform, `/sandbox/${item.id}`, { method: "DELETE" });
    }
    expect(readdirSync(join(platform.dataDir, "p", "sandboxes"))).toEqual([]);
    await stopPlatform(platform);
  });

  test("in the middle of drills: the next one takes back what they broke", async () => {
    let platform = await startPlatform(makeDataDir(), ["--faults", "on"]);
    const box = await sdk(platform).create({ name: "broken" });
    for (const fault of ["home-readonly", "toolbox-stopped", "frozen", "exec-500"]) {
      const headers = { "content-type": "application/json" };
      const body = JSON.stringify({ fault, sandbox: box.id });
      const switched = await api(platform, "/_faults", { method: "POST", headers, body });
      expect([fault, switched.status]).toEqual([fault, 201]);
    }
    platform.child.kill("SIGKILL");
    await exited(platform.child);
    platform = await startPlatform(platform.dataDir, ["--faults", "on"]);
    const written = await box.process.executeCommand("echo mended > mark && cat mark");
    expect(written).toMatchObject({ exitCode: 0, result: "mended\n" });
    const board = (await (await api(platform, "/_faults")).json()) as {
      on: unknown[];
      past: { fault: string; ended: string }[];
    };
    expect(board.on).toEqual([]);
    const killed = (fault: string) => ({ fault, ended: "the platform was killed" });
    expect(board.past).toMatchObject(["home-readonly", "toolbox-stopped", "frozen"].map(killed));
    await stopPlatform(platform);
  });

  test("of its own start: the next start cleans up what it tried out", async () => {
    const dataDir = makeDataDir();
    let left = 0;
    for (const waitMs of [0, 30, 60]) {
      const starting = runPlatform(dataDir, []);
      starting.catch(() => undefined);
      await until(() => triedOut(dataDir).length > left);
      await pause(waitMs);
      process.kill(lockHolder(dataDir), "SIGKILL");
      await starting.catch(() => undefined);
      left = triedOut(dataDir).length;
    }
    expect(left).toBeGreaterThan(0);
    const platform = await startPlatform(dataDir);
    const info = (await (await api(platform, "/_platform/info")).json()) as { counts: object };
    expect(info.counts).toEqual({ sandboxes: 0, processes: 0, mounts: 0, cgroups: 0 });
    expect(readdirSync(join(platform.dataDir, "p", "sandboxes"))).toEqual([]);
    await stopPlatform(platform);
  });
});
