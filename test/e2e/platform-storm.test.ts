/** Many creates at once, some with faults: all end, none leaks. More: bench/platform-storm.ts. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { makeDataDir, startPlatform, stopPlatform } from "./platform-kit.ts";
import type { StartedPlatform } from "./platform-kit.ts";
import { runStorm } from "./storm-run.ts";

describeWhere([needs.linux], "a storm of creates", () => {
  let platform: StartedPlatform;
  beforeAll(async () => {
    platform = await startPlatform(makeDataDir(), ["--faults", "on"]);
  });
  afterAll(() => stopPlatform(platform));

  test("each ends in a sandbox or a coded reason, and nothing of any is left", async () => {
    const figures = await runStorm(platform, 20, "3");
    const ended = Object.values(figures.ends).reduce((sum, count) => sum + count, 0);
    expect([ended, figures.left]).toEqual([20, []]);
    expect(figures.faulty).toBeGreaterThan(2);
    expect(figures.ends["started"]).toBeGreaterThan(10);
    expect(Object.keys(figures.ends).length).toBeGreaterThan(1);
    expect(figures.counts).toEqual({ sandboxes: 0, processes: 0, mounts: 0, cgroups: 0 });
    for (const dir of ["sandboxes", "sockets"]) {
      expect(readdirSync(join(platform.dataDir, "p", dir))).toEqual([]);
    }
  });
});
