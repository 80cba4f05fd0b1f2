/** What an attach does to a session that is suspended: only an explicit first word wakes it. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Session } from "../../src/hub/session/session.ts";
import { FrameType } from "../../src/protocol/frame.ts";
import { bodyOf, hubServer, type HubServer } from "../support/hub-server.ts";
import { HubWorld } from "../support/hub-world.ts";

let world: HubWorld;
let hub: HubServer;
let session: Session;

beforeEach(async () => {
  world = new HubWorld();
  hub = await hubServer(world);
  ({ session } = await world.connected());
  session.operate("operator.paused");
  await world.clock.advanceAsync(100);
  expect(session.record.detail).toBe("suspended.paused");
});
afterEach(() => hub.close());

async function refusal(attach: object): Promise<unknown> {
  const wire = await hub.client();
  wire.helloAsClient();
  await wire.hear(FrameType.welcome);
  wire.say(FrameType.attach, { mode: "new", session: "demo", channelId: "chn_1", ...attach });
  const { code, retryAfterMs } = bodyOf(await wire.hear(FrameType.error));
  // What rests is an answer; what is on its way may be asked for again.
  expect(retryAfterMs === undefined).toBe(code === "SessionSuspended");
  return code;
}

test.for([
  ["without a word", {}],
  ["to observe", { intent: "observe" }],
  ["of a channel that comes back", { intent: "wake", mode: "resume" }],
] as const)(
  "[AY9] an attach %s wakes nothing, and says that it is suspended",
  async ([, attach]) => {
    expect(await refusal(attach)).toBe("SessionSuspended");
    expect([session.record.detail, world.platform.count("start")]).toEqual(["suspended.paused", 0]);
  },
);

test("[AY9] a first attach that says wake resumes the session, and its timeline says who did", async () => {
  expect(await refusal({ intent: "wake" })).toBe("SessionNotConnected");
  expect(session.record.desired).toBe("connected");
  await world.clock.advanceAsync(1_000);
  expect(world.platform.count("start")).toBe(1);
  const told = world.store.events({ after: 0, limit: 1_000 }).map(({ text }) => text);
  expect(told).toContain("resumed because a client attached to wake it");
});

test("[AY9] an intent that nobody knows is refused as a frame, not guessed", async () => {
  const wire = await hub.client();
  wire.helloAsClient();
  await wire.hear(FrameType.welcome);
  wire.say(FrameType.attach, { mode: "new", session: "demo", channelId: "c", intent: "maybe" });
  expect((await wire.end()).code).toBe(4400);
});
