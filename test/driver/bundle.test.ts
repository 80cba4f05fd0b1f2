import { spawnSync } from "node:child_process";
import { readdirSync, statSync, utimesSync } from "node:fs";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { ensureBundles } from "../../build/bundle.ts";

test("the driver is one small file, built when it is older than its sources, and only then", async () => {
  const { driver } = await ensureBundles();
  expect(statSync(driver).size).toBeLessThan(147_456);
  const builtAtMs = statSync(driver).mtimeMs;
  await ensureBundles();
  expect(statSync(driver).mtimeMs).toBe(builtAtMs);
  utimesSync(driver, new Date(0), new Date(0));
  await Promise.all([ensureBundles(), ensureBundles(), ensureBundles()]);
  expect(statSync(driver).mtimeMs).toBeGreaterThan(builtAtMs - 1);
  expect(spawnSync(process.execPath, ["--check", driver]).status).toBe(0);
  expect(readdirSync(dirname(driver)).filter((name) => name.startsWith("."))).toEqual([]);
});
