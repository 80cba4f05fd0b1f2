/** What a campaign found is on disk before the campaign is over. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createCli } from "../../src/cli/cli.ts";
import { SeedKeeper } from "../../src/cli/commands/simulate-keep.ts";
import { planForSeed, readReplay } from "../../src/testing/index.ts";
import { captureStreams } from "./capture.ts";

const scratch = mkdtempSync(join(tmpdir(), "holdfast-keep-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const broken = (seed: number) => ({
  seed,
  violations: [{ invariant: "I26", atMs: 7, text: "s1 is connected and was nudged" }],
  shrunk: planForSeed(seed),
});

test("[SIM3] a broken seed is kept and named at once, the first twenty of them", () => {
  const dir = join(scratch, "kept", "deep");
  const { streams, stderr } = captureStreams();
  const keeper = new SeedKeeper(createCli(streams, { keep: dir }));
  keeper.keep(broken(7));
  const file = keeper.fileOf(7) ?? "";
  expect(stderr()).toContain(`seed 7 breaks I26: s1 is connected and was nudged; kept in ${file}`);
  expect(readReplay(readFileSync(file, "utf8"), file).plan).toEqual(planForSeed(7));
  for (let seed = 8; seed < 40; seed++) keeper.keep(broken(seed));
  expect(readdirSync(dir)).toHaveLength(20);
  expect(() => keeper.check()).not.toThrow();
});

test("[SIM3] a directory that takes no file is said once the campaign is over", () => {
  const dir = join(scratch, "file");
  writeFileSync(dir, "");
  const keeper = new SeedKeeper(createCli(captureStreams().streams, { keep: dir }));
  keeper.keep(broken(7));
  expect(() => keeper.check()).toThrow(`cannot keep broken seeds in ${dir}: EEXIST`);
});
