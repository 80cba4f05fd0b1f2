import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { DiskFault } from "../../src/disk/disk-fault.ts";
import { DiskGate } from "../../src/disk/disk-gate.ts";
import { LotThread } from "../../src/disk/lot-thread.ts";
import { TestClock } from "../support/test-clock.ts";
import { until } from "../support/until.ts";

test("[FI7] a thread that fails tells it to who waits, and the next lot has another", async () => {
  const directory = mkdtempSync(join(tmpdir(), "hflot-"));
  const thread = new LotThread(new DiskGate(systemClock));
  onTestFinished(() => {
    thread.end();
    rmSync(directory, { recursive: true, force: true });
  });
  const source = join(directory, "source");
  writeFileSync(source, "content");
  const noPaths = null as unknown as string[];
  const both = await Promise.allSettled([thread.read(noPaths), thread.read(noPaths)]);
  for (const one of both) {
    expect(one.status === "rejected" && one.reason instanceof DiskFault).toBe(true);
  }
  const cannotGo = [(): void => undefined] as unknown as string[];
  await expect(thread.read(cannotGo)).rejects.toBeInstanceOf(DiskFault);

  const { files, bytes } = await thread.read([source]);
  const sha256 = createHash("sha256").update("content").digest("hex");
  expect(files).toMatchObject([{ size: 7, sha256 }]);
  thread.end();
  const target = join(directory, "target");
  const lot = [{ target, mode: 0o600, mtimeMs: 1_000, sha256, bytes }];
  expect(await thread.write(lot)).toEqual([true]);
  expect(readFileSync(target, "utf8")).toBe("content");
  expect(readdirSync(directory).sort()).toEqual(["source", "target"]);
});

test("[FI7] lots that are late and given up end, and keep nobody from the disk", async () => {
  const directory = mkdtempSync(join(tmpdir(), "hflot-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const clock = new TestClock();
  const gate = new DiskGate(clock);
  const thread = new LotThread(gate);
  const bytes = Buffer.from("content");
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const names = ["one", "two"];
  // As many as the gate lets through at once.
  for (const name of names) {
    const late = thread.write([
      { target: join(directory, name), mode: 0o600, mtimeMs: 1, sha256, bytes },
    ]);
    clock.advance(60_000);
    await expect(late).rejects.toMatchObject({ code: "TIMEOUT" });
    thread.end();
  }
  const turns = names.map(() => gate.run(() => Promise.resolve("a turn")));
  expect(await Promise.all(turns)).toEqual(["a turn", "a turn"]);
  await until(() => readdirSync(directory).join() === "one,two");
});
