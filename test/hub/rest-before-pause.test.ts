/** Before a pause the hub brings the driver to rest, and says how that went. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HubError } from "../../src/base/hub-error.ts";
import type { Session } from "../../src/hub/session/session.ts";
import { CloseCodes } from "../../src/protocol/close-codes.ts";
import { FrameType } from "../../src/protocol/frame.ts";
import { REST_MS, REST_WAIT_MS } from "../../src/protocol/rest.ts";
import { answered, FakePlatform, LyingPlatform } from "../support/fake-platform.ts";
import { bodyOf, type HubServer, type Wire } from "../support/hub-server.ts";
import { hubWithSession, provenDriverOf } from "../support/hub-with-session.ts";
import { HubWorld, worldOn, type FakeLink } from "../support/hub-world.ts";
import { until } from "../support/until.ts";

let world: HubWorld;
let hub: HubServer;
let session: Session;

beforeEach(async () => {
  ({ world, hub, session } = await hubWithSession());
});
afterEach(() => hub.close());

const provenDriver = (features: readonly string[] = ["checkpoint"]) =>
  provenDriverOf({ hub, session }, { features });

/** The id under which the driver is asked. */
async function asked(driver: Wire): Promise<string> {
  session.operate("operator.paused");
  const frame = await driver.hear(FrameType.prepareCheckpoint);
  const { id, deadlineMs } = bodyOf(frame);
  expect([frame.epoch, deadlineMs]).toEqual([session.record.epoch, REST_WAIT_MS]);
  expect(world.platform.count("pause")).toBe(0);
  return String(id);
}

const paused = () => until(() => session.record.detail === "suspended.paused");

function facts(kind: string) {
  const query = { after: 0, session: session.record.id, limit: 1_000 };
  return world.store.events(query).filter((event) => event.kind === kind);
}

describe("[SM66] before a pause", () => {
  test("the driver comes to rest, its link ends, and then the platform is asked", async () => {
    const driver = await provenDriver();
    const id = await asked(driver);
    driver.say(FrameType.checkpointReady, { id, digest: "12345678" });
    driver.socket.close(CloseCodes.checkpoint.code, "checkpoint");
    await paused();
    const [fact] = facts("driver.quiesced");
    expect(fact?.text).toMatch(/^quiesced in \d+ ms: every client has what was written$/);
    expect(fact?.data).toMatchObject({ kind: "quiet", digest: "12345678" });
    // It was asked to leave: that is no driver that is missing.
    expect(facts("driver.detached").map(({ data }) => data)).toEqual([{ epoch: 1 }]);
  });

  test("what clients did not take in time is told, and it is paused all the same", async () => {
    const driver = await provenDriver();
    const id = await asked(driver);
    const most = [{ channelId: "chn_1", stream: 3, bytes: 400 }];
    driver.say(FrameType.checkpointReady, { id, digest: "0", streams: 1, bytes: 400, most });
    driver.socket.close(CloseCodes.checkpoint.code, "checkpoint");
    await paused();
    const [fact] = facts("driver.quiesced");
    expect(fact?.text).toMatch(
      /^not quiet after \d+ ms: 1 streams keep 400 bytes .*chn_1\/3 with 400/,
    );
    expect(fact?.data).toMatchObject({ kind: "late", streams: 1, bytes: 400, most });
  });

  test("a driver that rests and keeps its link is cut, so that no connection is kept", async () => {
    const driver = await provenDriver();
    const id = await asked(driver);
    driver.say(FrameType.checkpointReady, { id, digest: "0" });
    await until(() => {
      world.clock.advance(100);
      return driver.ended !== null;
    });
    await paused();
    expect(facts("driver.quiesced")[0]?.data).toMatchObject({ kind: "quiet" });
  });

  test("a driver that says nothing holds it up for no longer than its time", async () => {
    const driver = await provenDriver();
    await asked(driver);
    driver.say(FrameType.checkpointReady, { id: "chk_another", digest: "0" });
    const beganAt = world.clock.now();
    await until(() => {
      world.clock.advance(100);
      return facts("driver.quiesced").length > 0;
    });
    expect(world.clock.now() - beganAt).toBeLessThan(REST_WAIT_MS + 2_000);
    await paused();
    expect(facts("driver.quiesced")[0]?.text).toMatch(/^not quiesced: the driver did not answer/);
  });

  test("a driver that is lost meanwhile is told as lost", async () => {
    const driver = await provenDriver();
    await asked(driver);
    driver.socket.terminate();
    await paused();
    expect(facts("driver.quiesced")[0]?.text).toMatch(/^not quiesced: the driver's link ended/);
    expect(facts("driver.detached")[0]?.data).toMatchObject({ code: "DriverAbsent" });
  });

  test("a driver of an earlier version is not asked, and the timeline says so", async () => {
    const driver = await provenDriver(["resume", "hop"]);
    session.operate("operator.paused");
    await paused();
    expect(driver.heard.map(({ type }) => type)).not.toContain(FrameType.prepareCheckpoint);
    expect(facts("driver.quiesced")[0]?.text).toMatch(/^not quiesced: the driver is of a version/);
  });
});

/** Its driver comes to rest as soon as it is asked. */
function rests(one: Session, link: FakeLink): void {
  link.quiesced = () => {
    link.expected = true;
    one.detach(link, "checkpoint");
    return Promise.resolve({ kind: "quiet", tookMs: 1, digest: "0" });
  };
}

test("[SM66] a pause that is refused wakes the driver that rests for it", async () => {
  const still = new HubWorld();
  const { session: one, link } = await still.connected();
  rests(one, link);
  still.platform.pause = () =>
    Promise.reject(answered("pause sandbox", 422, "pause is not supported for this class"));
  let nudges = 0;
  still.platform.onNudge = (sandbox) => {
    nudges += 1;
    still.clock.setTimeout(() => still.dial(sandbox), 20);
    return "signalled";
  };
  one.operate("operator.paused");
  for (let turn = 0; turn < 20; turn++) await still.clock.advanceAsync(10);
  expect([one.record.state, nudges]).toEqual(["connected", 1]);
  expect(one.outcome(2)?.code).toBe("PauseUnsupported");
  // Connected again, and still told: until somebody asks for something else.
  const told = { code: "PauseUnsupported", phase: "suspended.requesting" };
  expect(one.health()).toMatchObject({ state: "connected", lastError: told });
  await still.restart();
  await still.clock.advanceAsync(5_000);
  const again = still.sessions.find("demo");
  expect(again.health()).toMatchObject({ lastError: told });
  still.platform.pause = FakePlatform.prototype.pause.bind(still.platform);
  again.operate("operator.paused");
  await still.clock.advanceAsync(10_000);
  expect([again.record.detail, again.health().lastError]).toEqual(["suspended.paused", null]);
});

describe("[SM66] a pause that fails, after which the platform runs nothing in the sandbox", () => {
  const failed = async () => {
    const { world: broken, platform } = worldOn((clock) => new LyingPlatform(clock));
    broken.control.consult = () =>
      Promise.resolve({ verdict: "platform-ok", text: "", at: 0, tookMs: 0 });
    platform.lies = false;
    const { session: one, link } = await broken.connected();
    rests(one, link);
    platform.pause = (sandboxId) => {
      platform.lies = true;
      Object.assign(platform.need(sandboxId), { state: "error", reason: "failed to checkpoint" });
      return Promise.reject(new HubError("SandboxStartFailed", "failed to checkpoint"));
    };
    one.operate("operator.paused");
    await broken.clock.advanceAsync(50);
    return { broken, platform, one };
  };
  const ended = (platform: LyingPlatform) =>
    platform.calls.filter((call) => ["stop", "start", "exec:launch", "create"].includes(call));

  test("health says at once why, and nothing is ended while the driver rests", async () => {
    const { broken, platform, one } = await failed();
    const before = ended(platform);
    const told = { code: "SandboxStartFailed", phase: "suspended.requesting" };
    expect(one.health()).toMatchObject({ state: "nudging", lastError: told });
    await broken.clock.advanceAsync(REST_MS);
    expect(one.record.detail).toBe("nudging.waiting");
    broken.attach(one);
    await broken.clock.advanceAsync(20_000);
    // Its driver answers, so that what runs inside is left alone; a person is told.
    expect([one.record.state, one.record.fault?.code]).toEqual(["error", "ResumeBroken"]);
    expect(ended(platform)).toEqual(before);
  });

  test("one that does not come back after its rest is healed by force", async () => {
    const { broken, platform, one } = await failed();
    await broken.clock.advanceAsync(30_000);
    expect(platform.count("stop")).toBeGreaterThan(0);
    expect(one.health().lastError).not.toBeNull();
  });
});
