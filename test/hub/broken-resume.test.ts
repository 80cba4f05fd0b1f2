/** A resume that the platform calls started, with queued commands, no files and no driver. */
import { expect, test } from "vitest";
import type { ExecRequest, ExecResult } from "../../src/providers/provider.ts";
import { answered, FakePlatform } from "../support/fake-platform.ts";
import { worldOn } from "../support/hub-world.ts";

class BrokenResumePlatform extends FakePlatform {
  broken = false;
  override exec(sandboxId: string, request: ExecRequest): Promise<ExecResult> {
    return this.broken ? new Promise(() => undefined) : super.exec(sandboxId, request);
  }
  override writeFile(sandboxId: string, path: string, bytes: Uint8Array): Promise<void> {
    if (!this.broken) return super.writeFile(sandboxId, path, bytes);
    return Promise.reject(answered("write file", 404, "readdirent cow-merged: no such file"));
  }
}

async function resumed() {
  const { world, platform } = worldOn((clock) => new BrokenResumePlatform(clock));
  const { session } = await world.connected();
  session.operate("operator.paused");
  await world.clock.advanceAsync(10);
  platform.broken = true;
  session.operate("operator.resumed");
  return { world, platform, session };
}

test("[PR20] the reason is in health before the nudge is even given up", async () => {
  const { world, session } = await resumed();
  await world.clock.advanceAsync(100);
  expect(session.record.detail).toBe("nudging.signalling");
  const health = session.health();
  expect(health.evidence.filesystem).toMatchObject({ ok: false, path: "platform" });
  expect(health.evidence.filesystem.detail).toContain("cow-merged");
  expect(health.verdict.code).toBe("FilesystemMountMissing");
  expect(health.verdict.text).toMatch(/^no driver is connected; .*cow-merged/);
  expect(health.disagreement).toMatch(
    /^the platform says started .*, but no driver .*, filesystem failed .* ago: not trusted yet$/,
  );
  await world.clock.advanceAsync(5_000);
  expect(session.health().verdict.code).toBe("ResumeBroken");
});

test("[PR20] what was seen before the driver was lost says nothing of now", async () => {
  const { world } = worldOn((clock) => new BrokenResumePlatform(clock));
  const { session, link } = await world.connected();
  await world.clock.advanceAsync(10);
  world.platform.onNudge = () => "driver-dead";
  world.platform.onLaunch = () => undefined;
  session.detach(link, "killed");
  const { evidence, verdict } = session.health();
  expect([evidence.exec.ok, evidence.filesystem.ok, verdict.code]).toEqual([
    null,
    null,
    "DriverAbsent",
  ]);
});

test("[SM9] a queued nudge is the only one, and the next rung comes within 12 seconds", async () => {
  const { world, platform, session } = await resumed();
  const startedAt = world.clock.now();
  while (!world.kinds(session).includes("control.asked")) await world.clock.advanceAsync(100);
  expect(world.clock.now() - startedAt).toBeLessThanOrEqual(12_000);
  const sent = world.kinds(session).filter((kind) => kind === "nudge.sent");
  expect(sent).toHaveLength(1);
  expect(platform.count("exec:launch")).toBe(1);
});

/** Frozen: commands and files are taken and wait, and go on once it thaws. */
class FrozenPlatform extends FakePlatform {
  frozen = false;
  override exec(sandboxId: string, request: ExecRequest): Promise<ExecResult> {
    return this.frozen ? new Promise(() => undefined) : super.exec(sandboxId, request);
  }
  override writeFile(sandboxId: string, path: string, bytes: Uint8Array): Promise<void> {
    return this.frozen ? new Promise(() => undefined) : super.writeFile(sandboxId, path, bytes);
  }
}

test("[SM37] a sandbox that thaws within the minute is as it was: nothing of it was ended", async () => {
  const { world, platform } = worldOn((clock) => new FrozenPlatform(clock));
  const { session, link } = await world.connected();
  platform.frozen = true;
  session.detach(link, "silent");
  await world.clock.advanceAsync(world.policy.silenceMs - 5_000);
  expect(["nudging.waiting", "nudging.assessing"]).toContain(session.record.detail);
  platform.frozen = false;
  const [sandbox] = platform.sandboxes.values();
  if (sandbox !== undefined) world.dial(sandbox);
  await world.clock.advanceAsync(1_000);
  expect(session.record.detail).toBe("connected.healthy");
  expect([platform.count("stop"), platform.count("create")]).toEqual([0, 1]);
});

test("[SM37] one that stays silent is asked about after a minute, and the ladder goes on", async () => {
  const { world, platform } = worldOn((clock) => new FrozenPlatform(clock));
  const { session, link } = await world.connected();
  platform.frozen = true;
  session.detach(link, "silent");
  const startedAt = world.clock.now();
  while (!world.kinds(session).includes("control.asked")) await world.clock.advanceAsync(500);
  const waitedMs = world.clock.now() - startedAt;
  expect(waitedMs).toBeGreaterThanOrEqual(world.policy.silenceMs);
  expect(waitedMs).toBeLessThan(world.policy.silenceMs + 20_000);
});
