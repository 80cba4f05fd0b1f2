/** Whose proof comes first when many drivers come back at once. */
import { expect, test } from "vitest";
import { sleep } from "../../src/base/deadline.ts";
import { PROOFS_AT_ONCE } from "../../src/probes/proof-queue.ts";
import type { Claim } from "../../src/providers/provider.ts";
import { FakePlatform } from "../support/fake-platform.ts";
import { HubWorld } from "../support/hub-world.ts";
import { settled } from "../support/test-clock.ts";

const CROWD = 3 * PROOFS_AT_ONCE;
/** Longer than the room takes to grow. */
const PROOF_MS = 1_000;

class SlowPlatform extends FakePlatform {
  override async claim(sandboxId: string): Promise<Claim | null> {
    await sleep(this.clock, PROOF_MS, new AbortController().signal);
    return super.claim(sandboxId);
  }
}

test("[SM72] a session with a client, and one that is waited for, are proven first", async () => {
  const world = new HubWorld({ platform: (clock) => new SlowPlatform(clock) });
  world.driversDial();
  const all = Array.from({ length: CROWD }, (_, n) => world.create({ name: `s-${n}` }));
  await world.clock.advanceAsync(60_000);
  await world.restart();
  const provenAtMs = new Map<string, number>();
  world.sessions.onEvent(({ kind, session }) => {
    if (kind === "session.connected") provenAtMs.set(session, world.clock.mono());
  });
  const [open, awaited, nobodys] = all.slice(-3).map(({ record }) => record.id);
  for (const { record } of all) world.attach(world.sessions.find(record.id));
  await settled();
  // They ask when the drivers of all the others are there already.
  world.hasClients = (id) => id === open;
  void world.sessions.verdict(world.sessions.find(awaited ?? ""), 60_000);
  await world.clock.advanceAsync(60_000);
  expect(provenAtMs.size).toBe(CROWD);
  const order = [...provenAtMs.keys()];
  expect(order.indexOf(open ?? "")).toBeLessThan(PROOFS_AT_ONCE);
  expect(order.indexOf(awaited ?? "")).toBeLessThan(PROOFS_AT_ONCE);
  expect(order.indexOf(nobodys ?? "")).toBeGreaterThanOrEqual(2 * PROOFS_AT_ONCE);
});
