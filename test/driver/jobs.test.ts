/** What a driver says of the processes that people started. */
import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { Jobs } from "../../src/driver/jobs.ts";
import { isBusyAmong, parseStat, terminalIsBusy } from "../../src/driver/terminal-busy.ts";
import type { JobsTold } from "../../src/protocol/control.ts";
import { TestClock } from "../support/test-clock.ts";
import { until } from "../support/until.ts";

test("[AY6] commands count while they run, terminals while something runs in them", () => {
  const clock = new TestClock();
  const busy = new Map<number, boolean | null>([[20, false]]);
  const jobs = new Jobs(clock, (pid) => busy.get(pid) ?? null);
  const told: JobsTold[] = [];
  const stop = jobs.listen((now) => told.push(now));
  jobs.entered({ kind: "terminal", pid: 20, program: "/bin/bash" });
  const isOver = jobs.entered({ kind: "exec", pid: 10, program: "/usr/bin/make" });
  expect(told.map(({ running }) => running)).toEqual([0, 1]);
  expect(told.at(-1)?.oldest).toEqual({ program: "make", startedAt: clock.now() });
  busy.set(20, true);
  clock.advance(10_000);
  isOver();
  expect(told.map(({ running }) => running)).toEqual([0, 1, 2, 1]);
  busy.set(20, false);
  clock.advance(10_000);
  expect(told.at(-1)).toEqual({ running: 0, away: null, oldest: null });
  const before = told.length;
  clock.advance(3_600_000);
  expect(told).toHaveLength(before);
  stop();
  busy.set(20, true);
  clock.advance(10_000);
  expect(told).toHaveLength(before);
});

test("[AY6] a terminal that cannot be looked into counts, and one that is over does not", () => {
  const clock = new TestClock();
  const jobs = new Jobs(clock, () => null);
  const isOver = jobs.entered({ kind: "terminal", pid: 20, program: "bash" });
  expect(jobs.current().running).toBe(1);
  isOver();
  isOver();
  expect(jobs.current()).toEqual({ running: 0, away: null, oldest: null });
  clock.advance(60_000);
  expect(clock.pendingTimers).toBe(0);
});

test("[AY6] a copy counts while its bytes move, and one whose client was killed does not", () => {
  const clock = new TestClock();
  const jobs = new Jobs(clock, () => null);
  const told: number[] = [];
  jobs.listen(({ running }) => told.push(running));
  const copy = { closed: false, progress: 0 };
  const startedAt = clock.now();
  jobs.carries("copy", copy);
  jobs.carries("forward", { closed: false, progress: 7 });
  clock.advance(30_000);
  expect(jobs.current().running).toBe(0);
  for (let step = 0; step < 20; step++) {
    copy.progress += 1;
    clock.advance(30_000);
    expect(jobs.current().running).toBe(1);
  }
  expect(jobs.current().oldest).toEqual({ program: "copy", startedAt });
  clock.advance(80_000);
  expect(jobs.current()).toEqual({ running: 0, away: null, oldest: null });
  copy.progress += 1;
  clock.advance(10_000);
  copy.closed = true;
  clock.advance(10_000);
  expect(told).toEqual([0, 1, 0, 1, 0]);
});

test("[AY6] a shell that waits is idle; its children, and jobs in its background, are not", () => {
  const all = (text: string) => text.split("; ").flatMap((line) => parseStat(line) ?? []);
  const idle = "5 (node) S 1 5 5 0; 10 (script) S 5 10 10 0; 11 (bash) S 10 11 11 0";
  expect(isBusyAmong(all(idle), 10)).toBe(false);
  expect(isBusyAmong(all(`${idle}; 12 (vim) S 11 12 11 0`), 10)).toBe(true);
  expect(isBusyAmong(all(`${idle}; 13 (my (odd) name) S 1 13 11 0`), 10)).toBe(true);
  expect(isBusyAmong(all(`${idle}; 14 (make) Z 11 14 11 0`), 10)).toBe(false);
  expect(isBusyAmong(all(`${idle}; 15 (make) S 1 15 15 0`), 10)).toBe(false);
});

test("[AY6] seen in /proc: a shell that waits, then one with a child", async () => {
  const shell = spawn("sh", ["-c", "read line; sleep 30 & wait"], { detached: true });
  const pid = shell.pid ?? 0;
  try {
    await until(() => terminalIsBusy(pid) === false);
    shell.stdin.write("go\n");
    await until(() => terminalIsBusy(pid) === true);
  } finally {
    process.kill(-pid, "SIGKILL");
  }
});
