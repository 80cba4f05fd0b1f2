/**
 * The story of a snapshot that went inactive: for a week every start failed, an empty substitute
 * was taken for a sandbox, and no user was told. Here one call activates it, or starts from the
 * image that is named for that case and says so everywhere, or ends in an error with the next step.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { figuresOf, Story, tell } from "./story-kit.ts";

const SNAPSHOT = "default";
/** On this platform an image is a registered root by its name. */
const IMAGE = "daytonaio/sandbox:0.6.0";

describeWhere([needs.linux], "the story of the inactive snapshot", () => {
  let story: Story;

  beforeAll(async () => {
    story = await Story.open({ HOLDFAST_ACTIVATE_DEADLINE: "20s" });
  });
  afterAll(() => story.close());
  beforeEach(async () => {
    await story.calm();
    type Snapshot = { readonly id: string; readonly state: string };
    const { id, state } = await story.platform<Snapshot>("GET", `/snapshots/${SNAPSHOT}`);
    if (state === "active") await story.platform("POST", `/snapshots/${id}/deactivate`);
  });

  test("[SM50] it is activated, and the one call ends in connected", async () => {
    await story.fault("activate-slow", { delayMs: 2_000 });
    const { exitCode, session, tookMs } = await story.create("woken", "--snapshot", SNAPSHOT);
    expect([exitCode, session.state]).toEqual([0, "connected"]);
    expect(session.source).toMatchObject({ kind: "snapshot", name: SNAPSHOT, warning: null });
    const events = await story.timeline("woken");
    const activated = events.find(({ kind }) => kind === "snapshot.activated");
    expect(activated?.text).toContain("is active again after");
    expect(events.some(({ detail }) => detail === "creating.activating")).toBe(true);
    tell(
      "snapshot inactive, activation allowed",
      `one call: ${(tookMs / 1_000).toFixed(2)} s; ${figuresOf(events)}`,
      activated?.text ?? "",
    );
  });

  test("[SM50] it cannot be activated: the image is used, and every view says so", async () => {
    await story.fault("activate-refused");
    const words = ["--snapshot", SNAPSHOT, "--fallback-image", IMAGE];
    const { exitCode, session, tookMs } = await story.create("substitute", ...words);
    expect([exitCode, session.state]).toEqual([0, "connected"]);
    expect(session.source).toMatchObject({ kind: "image-fallback", name: IMAGE });
    const warning = `runs from image ${IMAGE} instead of snapshot ${SNAPSHOT}`;
    const health = await story.json<{ status: string; verdict: { text: string } }>(
      "health",
      "substitute",
    );
    expect([health.status, health.verdict.text]).toEqual([
      "warn",
      expect.stringContaining(warning),
    ]);
    const why = await story.run("why", "substitute");
    expect(why.stdout).toContain(warning);
    expect((await story.run("show", "substitute")).stdout).toContain("a fallback");
    expect((await story.run("ls")).stdout).toMatch(/substitute .*image fallback/);
    const log = readFileSync(join(story.cli.home, "log", "hub.log"), "utf8");
    expect(log).toContain(`starts from image ${IMAGE} instead of snapshot ${SNAPSHOT}`);
    // It is a real sandbox, whatever it was started from.
    expect((await story.run("exec", "substitute", "--", "echo", "alive")).stdout).toBe("alive\n");
    const events = await story.timeline("substitute");
    expect(events.some(({ detail }) => detail === "creating.fallingBack")).toBe(true);
    tell(
      "snapshot inactive, activation refused, fallback image named",
      `one call: ${(tookMs / 1_000).toFixed(2)} s; ${figuresOf(events)}`,
      `health: ${JSON.stringify(health)}`,
      why.stdout,
    );
  });

  test("[SM50] no image to fall back to: an error to the caller within the one call", async () => {
    await story.fault("activate-refused");
    const { exitCode, session, tookMs } = await story.create("told", "--snapshot", SNAPSHOT);
    expect([exitCode, session.state]).toEqual([6, "error"]);
    expect(session.lastError).toMatchObject({ code: "SnapshotInactive", retryable: false });
    expect(session.lastError?.hint).toContain("--fallback-image");
    expect(tookMs).toBeLessThan(15_000);
    const said = await story.run("new", "told-2", "--snapshot", SNAPSHOT);
    expect([said.exitCode, said.stderr]).toEqual([6, expect.stringContaining("SnapshotInactive")]);
    const why = await story.run("why", "told");
    expect(why.stdout).toContain("HOLDFAST_FALLBACK_IMAGE");
    const events = await story.timeline("told");
    const ours = (await story.sandboxes()).filter(({ name }) => name.includes(session.id.slice(4)));
    expect(ours).toEqual([]);
    tell(
      "snapshot inactive, activation refused, no fallback",
      `one call: ${(tookMs / 1_000).toFixed(2)} s; ${figuresOf(events)}`,
      why.stdout,
    );
  });

  test("[SM50] a snapshot that is not there falls back in the same way", async () => {
    const words = ["--snapshot", "no-such-snapshot", "--fallback-image", IMAGE];
    const { exitCode, session } = await story.create("missing", ...words);
    expect([exitCode, session.state]).toEqual([0, "connected"]);
    expect(session.source?.warning).toContain("instead of snapshot no-such-snapshot");
    const events = await story.timeline("missing");
    tell("snapshot missing, fallback image named", figuresOf(events));
  });
});
