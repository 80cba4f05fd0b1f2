/** The hub's log while its disk takes nothing. */
import fs, { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createLog } from "../../src/hub/log.ts";
import { until } from "../support/until.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hflog-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
});

function noRoom() {
  return vi.spyOn(fs, "writeSync").mockImplementation(() => {
    throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
  });
}

const linesOf = (file: string): { msg: string; lostLines?: number }[] =>
  readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { msg: string });

test("a full disk fails nobody who logs, and what waited is written once there is room", () => {
  const file = join(directory, "hub.log");
  const log = createLog("info", file, []);
  log.info({}, "before");
  const full = noRoom();
  log.info({}, "one");
  log.warn({}, "two");
  full.mockRestore();
  log.info({}, "after");
  expect(linesOf(file).map(({ msg }) => msg)).toEqual(["before", "one", "two", "after"]);
});

test("of more than can wait the number is told", async () => {
  const file = join(directory, "hub.log");
  const log = createLog("info", file, []);
  const full = noRoom();
  const [long, sent] = ["x".repeat(10_000), 150];
  for (let n = 0; n < sent; n++) log.info({ long }, "line");
  full.mockRestore();
  log.info({}, "after");
  await until(() => linesOf(file).some(({ lostLines }) => lostLines !== undefined));
  const kept = linesOf(file).filter(({ msg }) => msg === "line").length;
  expect(linesOf(file).at(-1)).toMatchObject({ lostLines: sent - kept });
  expect(kept).toBeGreaterThan(50);
});
