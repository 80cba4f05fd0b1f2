/**
 * The story of the start that never came: a sandbox stayed in creating for more than 600 seconds
 * with nothing but a config file to show, or went into error after a build that timed out. Here a
 * watchdog ends each try, the next one has a name of its own, the caller gets one typed result
 * before the deadline, and nothing is left at the platform, also when it refuses to delete.
 */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { figuresOf, Story, tell } from "./story-kit.ts";

/** The product's proportions, in a time that a test can wait for. */
const SETTINGS = {
  HOLDFAST_STALL_DEADLINE: "3s",
  HOLDFAST_CREATE_DEADLINE: "30s",
  HOLDFAST_ACTIVATE_DEADLINE: "20s",
  HOLDFAST_RETRY: "startup=1",
  HOLDFAST_RETRY_WAITS: "500ms",
  HOLDFAST_JANITOR_PACE: "1s",
};
const DEADLINE_MS = 30_000;

describeWhere([needs.linux], "the story of the start that never came", () => {
  let story: Story;

  beforeAll(async () => {
    story = await Story.open(SETTINGS);
  });
  afterEach(() => story.calm());
  afterAll(() => story.close());

  const ofSession = async (id: string) =>
    (await story.sandboxes()).filter(({ name }) => name.includes(id.slice("ses_".length)));

  test("[SM53] stuck in creating, delete refused: one typed result, then nothing is left", async () => {
    await story.fault("create-stuck");
    await story.fault("delete-409");
    const { exitCode, session, tookMs } = await story.create("stuck");
    expect([exitCode, session.state]).toEqual([6, "error"]);
    expect(session.lastError).toMatchObject({ category: "startup", retryable: true });
    expect(session.lastError?.code).toBe("SandboxStartFailed");
    expect(tookMs).toBeLessThan(DEADLINE_MS);
    const left = await ofSession(session.id);
    expect(left.length).toBe(2);
    const [why, health, events] = [
      await story.run("why", "stuck"),
      await story.run("health", "stuck", "--json"),
      await story.timeline("stuck"),
    ];
    const calmedAt = performance.now();
    await story.calm();
    await until(async () => (await ofSession(session.id)).length === 0);
    const cleanedMs = performance.now() - calmedAt;
    expect(cleanedMs).toBeLessThan(60_000);
    tell(
      "stuck in creating, twice; every delete refused with 409 meanwhile",
      `one call: ${(tookMs / 1_000).toFixed(2)} s; ${figuresOf(events)}`,
      `sandboxes left while deletes were refused: ${left.length}; ` +
        `gone ${(cleanedMs / 1_000).toFixed(2)} s after deletes were taken again`,
      `health: ${health.stdout}`,
      why.stdout,
    );
  });

  test("[SM53] stuck once: the next try has its own name, and the call ends in connected", async () => {
    await story.fault("create-stuck", { times: 1 });
    const { exitCode, session, tookMs } = await story.create("second-try");
    expect([exitCode, session.state]).toEqual([0, "connected"]);
    expect(tookMs).toBeLessThan(DEADLINE_MS);
    const events = await story.timeline("second-try");
    expect(events.filter(({ kind }) => kind === "sandbox.requested")).toHaveLength(2);
    await story.calm();
    await until(async () => (await ofSession(session.id)).length === 1);
    tell(
      "stuck in creating, once",
      `one call: ${(tookMs / 1_000).toFixed(2)} s; ${figuresOf(events)}`,
    );
  });

  test("[SM51] error after a timeout of the export: SandboxStartFailed, and the setting decides", async () => {
    await story.fault("create-error", { reason: "timeout of 1200000ms exceeded" });
    const asked = async (name: string, retry: string) => {
      const { session } = await story.create(name, "--retry", retry);
      expect(session.lastError).toMatchObject({
        code: "SandboxStartFailed",
        category: "startup",
        retryable: true,
      });
      expect(session.lastError?.message).toContain("timeout of 1200000ms exceeded");
      const events = await story.timeline(name);
      tell(`export timeout, retry ${retry}`, figuresOf(events));
      return events.filter(({ kind }) => kind === "sandbox.requested").length;
    };
    expect([await asked("none", "none"), await asked("twice", "startup=2")]).toEqual([1, 3]);
    const wrong = await story.run("new", "wrong", "--retry", "statrup=1");
    expect([wrong.exitCode, wrong.stderr]).toEqual([2, expect.stringContaining("mean startup?")]);
  });

  test("[SM52] a build that failed is told apart, with evidence", async () => {
    await story.fault("create-build-failed");
    const { session } = await story.create("built", "--retry", "none");
    expect(session.lastError).toMatchObject({ code: "ImageBuildFailed", category: "startup" });
    expect(session.lastError?.evidence.map(({ what }) => what)).toContain("build log");
    const events = await story.timeline("built");
    tell("build failed", figuresOf(events), session.lastError?.message ?? "");
  });

  test("[CF3] a setting that cannot be kept stops the hub before it starts", async () => {
    const env = { HOLDFAST_STALL_DEADLINE: "3m", HOLDFAST_RETRY: "quota=1" };
    const { exitCode, stderr } = await story.cli.run(["up"], { env });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("deadlines.stall (3m) must be less than deadlines.create (2m)");
    expect(stderr).toContain("quota cannot be tried again");
  });
});
