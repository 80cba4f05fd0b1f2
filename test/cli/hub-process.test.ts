/** A hub is ended by `down` in its own time, and by force only when that is over. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { stopHub } from "../../src/cli/hub-process.ts";
import { identityOf } from "../../src/cli/process-identity.ts";

let home: string;
let child: ChildProcess;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "holdfast-stop-"));
  const deaf = `process.on("SIGTERM", () => {}); process.stdin.resume(); console.log("up")`;
  child = spawn(process.execPath, ["-e", deaf], { stdio: ["pipe", "pipe", "inherit"] });
  if (child.stdout === null) throw new Error("it has no stdout");
  await once(child.stdout, "data");
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  child.kill("SIGKILL");
  rmSync(home, { recursive: true });
});

function stop() {
  const identity = identityOf(child.pid ?? 0);
  if (identity === null) throw new Error("it does not run");
  return stopHub(home, { ...identity, url: "http://127.0.0.1:1", version: "1", hubId: "hub_1" });
}

test("[CL15] a hub that gives its sessions back for as long as it may is not killed", async () => {
  const stopping = stop();
  await vi.advanceTimersByTimeAsync(limits.HUB_STOP_MS_MAX - 100);
  expect(child.signalCode).toBeNull();
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
  await vi.advanceTimersByTimeAsync(50);
  expect(await stopping).toBe("stopped");
});

test("[CL15] one that does not end in that time is killed", async () => {
  const ended = once(child, "exit");
  const stopping = stop();
  await vi.advanceTimersByTimeAsync(limits.HUB_STOP_MS_MAX + 100);
  expect(await stopping).toBe("killed");
  await ended;
  expect(child.signalCode).toBe("SIGKILL");
});
