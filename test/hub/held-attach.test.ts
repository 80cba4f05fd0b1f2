/** Channels that come back before the proof of their session does, as after a hub's restart. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { limits } from "../../src/base/limits.ts";
import type { Session } from "../../src/hub/session/session.ts";
import { FrameType } from "../../src/protocol/frame.ts";
import { bodyOf, type HubServer, type Wire } from "../support/hub-server.ts";
import { driverOf, hubWithSession, welcomedClient } from "../support/hub-with-session.ts";
import type { HubWorld } from "../support/hub-world.ts";
import { until } from "../support/until.ts";

let world: HubWorld;
let hub: HubServer;
let session: Session;
let client: Wire;

beforeEach(async () => {
  ({ world, hub, session } = await hubWithSession());
  client = await welcomedClient(hub);
});
afterEach(() => hub.close());

const comesBack = (): void =>
  client.say(FrameType.attach, { mode: "resume", session: "demo", channelId: "chn_1" });

const driverComes = () => driverOf({ hub, session });

test("[SB23] one that comes back before its session is proven is put on with the proof", async () => {
  comesBack();
  const driver = await driverComes();
  const frame = await driver.hear(FrameType.attach);
  expect(session.record.state).toBe("connected");
  expect(bodyOf(frame)).toMatchObject({ mode: "resume", channelId: "chn_1" });
  expect(client.heard.filter(({ type }) => type === FrameType.error)).toEqual([]);
});

test("[SB23] it is refused after three seconds without a proof, and no sooner", async () => {
  comesBack();
  client.say(FrameType.attach, { mode: "resume", session: "nobody", channelId: "chn_2" });
  expect(bodyOf(await client.hear(FrameType.error))["channelId"]).toBe("chn_2");
  await world.clock.advanceAsync(2_900);
  expect(client.heard.filter(({ type }) => type === FrameType.error)).toEqual([]);
  await world.clock.advanceAsync(200);
  const said = bodyOf(await client.hear(FrameType.error));
  expect(said).toMatchObject({ code: "SessionNotConnected", channelId: "chn_1" });
  // It still is on its way: it may ask again.
  expect(said["retryAfterMs"]).toBe(limits.ATTACH_AGAIN_MIN_MS);
});

test("[SB23] a client that left while its channel was held is put on nowhere", async () => {
  comesBack();
  client.say(FrameType.attach, { mode: "resume", session: "nobody", channelId: "chn_2" });
  await client.hear(FrameType.error);
  client.socket.terminate();
  await until(() => hub.switchboard.counts.clients === 0);
  const driver = await driverComes();
  await until(() => session.record.state === "connected");
  const next = await hub.client();
  next.helloAsClient();
  next.say(FrameType.attach, { mode: "new", session: "demo", channelId: "chn_3" });
  expect(bodyOf(await driver.hear(FrameType.attach))["channelId"]).toBe("chn_3");
});
