/** A hub with one session, whose sandbox stands; the test plays its driver and its clients. */
import type { Session } from "../../src/hub/session/session.ts";
import { FrameType } from "../../src/protocol/frame.ts";
import { hubServer, type HubServer, type Wire } from "./hub-server.ts";
import { HubWorld } from "./hub-world.ts";
import { until } from "./until.ts";

export interface HubWithSession {
  readonly world: HubWorld;
  readonly hub: HubServer;
  readonly session: Session;
}

export async function hubWithSession(world = new HubWorld()): Promise<HubWithSession> {
  const hub = await hubServer(world);
  const session = world.create();
  await world.clock.advanceAsync(10);
  return { world, hub, session };
}

/** It holds an epoch, and answers pings and probes. */
export async function driverOf(
  { hub, session }: Omit<HubWithSession, "world">,
  hello: object = {},
): Promise<Wire> {
  const driver = await hub.driver(session.record.id);
  await driver.asDriver(session.record.id, hello);
  void driver.answerPings();
  return driver;
}

/** The same once its session is connected, so that clients may attach. */
export async function provenDriverOf(
  of: Omit<HubWithSession, "world">,
  hello: object = {},
): Promise<Wire> {
  const driver = await driverOf(of, hello);
  await until(() => of.session.record.state === "connected");
  return driver;
}

export async function welcomedClient(hub: HubServer, token?: string): Promise<Wire> {
  const wire = await hub.client(token);
  wire.helloAsClient();
  await wire.hear(FrameType.welcome);
  return wire;
}
