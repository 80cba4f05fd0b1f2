import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLogger } from "../../src/base/log.ts";
import { ExecLedger } from "../../src/driver/services/exec-ledger.ts";
import { TestClock } from "../support/test-clock.ts";

let directory: string;
let path: string;
let clock: TestClock;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-ledger-"));
  path = join(directory, "execs");
  clock = new TestClock();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const ledger = (): ExecLedger => new ExecLedger(path, clock, silentLogger);

test("[EX1] a key is on disk before its command may start, and starts nothing twice", async () => {
  const first = ledger();
  expect(await first.status("k")).toEqual({ state: "never-ran" });
  const entered = await first.enter("k");
  expect(readFileSync(path, "utf8")).toContain('"key":"k"');
  expect(await first.enter("k")).toBeNull();
  entered?.started(7);
  entered?.wrote("stdout", 30);
  entered?.wrote("stdout", 12);
  expect(await first.status("k")).toMatchObject({ state: "running", pid: 7, stdoutBytes: 42 });
  entered?.ended({ code: 3, signal: null });
  const exited = { state: "exited", code: 3, signal: null, stdoutBytes: 42, stderrBytes: 0 };
  expect(await first.status("k")).toMatchObject(exited);
  // The next driver knows it, too.
  expect(await ledger().status("k")).toMatchObject(exited);
  expect(await ledger().enter("k")).toBeNull();
});

test("[EX1] its end is known before all that it wrote is read, and when it was stays", async () => {
  const first = ledger();
  const entered = await first.enter("k");
  entered?.ended({ code: 0, signal: null });
  const endedAt = clock.now();
  await first.status("k");
  expect(await ledger().status("k")).toMatchObject({ state: "exited", stdoutBytes: 0, endedAt });
  clock.advance(30_000);
  entered?.wrote("stdout", 5);
  entered?.ended({ code: 0, signal: null });
  const exited = { state: "exited", code: 0, stdoutBytes: 5, endedAt };
  expect(await first.status("k")).toMatchObject(exited);
  expect(await ledger().status("k")).toMatchObject(exited);
});

test("[EX1] what ran when the driver died is lost, and is not started again", async () => {
  await ledger().enter("k");
  const next = ledger();
  expect(await next.status("k")).toMatchObject({ state: "lost" });
  expect(await next.enter("k")).toBeNull();
});

test("[EX1] a command that did not start leaves its key free, also after a restart", async () => {
  const first = ledger();
  (await first.enter("k"))?.refused();
  expect(await first.status("k")).toEqual({ state: "never-ran" });
  expect(await ledger().enter("k")).not.toBeNull();
});

test("[EX1] half a line and seven days are forgotten, everything else is kept", async () => {
  const first = ledger();
  (await first.enter("old"))?.ended({ code: 0, signal: null });
  clock.advance(7 * 24 * 60 * 60 * 1_000 + 1);
  (await first.enter("young"))?.ended({ code: 0, signal: null });
  await first.status("young");
  appendFileSync(path, '{"key":"half","story":{"sta');
  const next = ledger();
  expect(await next.status("old")).toEqual({ state: "never-ran" });
  expect(await next.status("young")).toMatchObject({ state: "exited" });
  expect(await next.status("half")).toEqual({ state: "never-ran" });
  expect(readFileSync(path, "utf8")).not.toContain("half");
});

test("[EX1] a key that cannot be written down starts nothing", async () => {
  rmSync(directory, { recursive: true });
  await expect(ledger().enter("k")).rejects.toThrow(/ENOENT/);
});
