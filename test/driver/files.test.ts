import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "../../src/base/log.ts";
import { readDriverConfig } from "../../src/driver/config.ts";
import { startTicks } from "../../src/driver/instance.ts";
import { createLogFile } from "../../src/driver/log-file.ts";
import { createReadyFile } from "../../src/driver/ready-file.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-files-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe("log file", () => {
  test("writes JSON lines in order, readable by the owner alone", async () => {
    const path = join(directory, "log");
    const log = createLogFile(path, () => 0);
    for (let i = 0; i < 100; i++) log.info({ i }, "line");
    await log.flush();
    const lines = readFileSync(path, "utf8").trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { i: number }).i)).toEqual(
      Array.from({ length: 100 }, (_, i) => i),
    );
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("keeps one older file and stays below its bound", async () => {
    const path = join(directory, "log");
    const log = createLogFile(path, () => 0);
    for (let i = 0; i < 40; i++) {
      log.info({ filler: "x".repeat(100_000) }, "big");
      await log.flush();
    }
    const bound = 1024 * 1024;
    expect(statSync(path).size).toBeLessThanOrEqual(bound);
    expect(statSync(`${path}.1`).size).toBeLessThanOrEqual(bound);
    expect(statSync(`${path}.1`).size).toBeGreaterThan(bound / 2);
  });

  test("without a disk it loses lines, says how many later, and never throws", async () => {
    const path = join(directory, "no-such-directory", "log");
    const log = createLogFile(path, () => 0);
    log.info({}, "lost");
    await log.flush();
    const { mkdirSync } = await import("node:fs");
    mkdirSync(join(directory, "no-such-directory"));
    log.info({}, "kept");
    await log.flush();
    const text = readFileSync(path, "utf8");
    expect(text).toContain('"lostLines":1');
    expect(text).not.toContain('"msg":"lost"');
  });
});

test("the ready file ends with the newest content and goes when asked", async () => {
  const path = join(directory, "ready");
  const file = createReadyFile(path, silentLogger);
  const readiness = { pid: 1, startTicks: "2", epoch: null, at: 0, version: "x", lastError: null };
  for (let epoch = 1; epoch <= 50; epoch++) file.set({ ...readiness, epoch, state: "live" });
  file.set({ ...readiness, epoch: 51, state: "dialling" });
  await expect
    .poll(() => JSON.parse(readFileSync(path, "utf8")) as unknown)
    .toMatchObject({ epoch: 51, state: "dialling" });
  file.set({ ...readiness, epoch: 52, state: "live" });
  await file.remove();
  expect(() => statSync(path)).toThrow(/ENOENT/);
});

test("start ticks are read behind a command with spaces and brackets", () => {
  const fields = Array.from({ length: 50 }, (_, i) => String(i + 3));
  expect(startTicks(`42 (a) b (c d) ${fields.join(" ")}`)).toBe("22");
});

test("a config says which key is wrong, and never what is in it", () => {
  const path = join(directory, "config");
  const good = { session: "s", token: "t", urls: ["ws://x"], home: "/", readyFile: "/r" };
  writeFileSync(path, JSON.stringify(good));
  expect(readDriverConfig(path)).toEqual(good);
  writeFileSync(path, JSON.stringify({ ...good, token: 5 }));
  expect(() => readDriverConfig(path)).toThrow(/config: token/);
  writeFileSync(path, '{"token":"canary",');
  expect(() => readDriverConfig(path)).toThrow(/^(?!.*canary).*not JSON/);
  expect(() => readDriverConfig(join(directory, "none"))).toThrow(/ENOENT/);
});
