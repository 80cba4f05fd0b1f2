/**
 * What the links of an idle session keep: in bytes of the heap after a collection, which are the
 * same on every machine. Each bound has little room; who needs more says why.
 */
import { execFile } from "node:child_process";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { heldHere } from "../../bench/held.ts";
import { hubServer } from "../support/hub-server.ts";
import { HubWorld } from "../support/hub-world.ts";

const LINKS_HELD = join(import.meta.dirname, "..", "support", "links-held.ts");

let server: Awaited<ReturnType<typeof hubServer>> | null = null;
afterAll(async () => server?.close());

test("[PF6] the links of a driver and of a client that say nothing keep 5.5 KiB", async () => {
  const words = ["--disable-warning=ExperimentalWarning", LINKS_HELD];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  const { links, kibEach } = JSON.parse(stdout) as Record<"links" | "kibEach", number>;
  expect(links).toBe(12_000);
  expect(kibEach).toBeGreaterThan(1);
  expect(kibEach).toBeLessThan(5.5);
});

test("[PF6] of a session the newest record is kept, and none of before", async () => {
  const world = new HubWorld();
  const made = world.create();
  const first = new WeakRef(made.record);
  world.driversDial();
  await world.clock.advanceAsync(2_000);
  expect(made.record.detail).toBe("connected.healthy");
  await heldHere();
  expect(first.deref()).toBeUndefined();
});

test("[PF6] what a link was asked for with is gone once it is open", async () => {
  const world = new HubWorld();
  server = await hubServer(world);
  const asked: WeakRef<IncomingMessage>[] = [];
  server.app.server.prependListener("upgrade", (request) => asked.push(new WeakRef(request)));
  const wires = [await server.client(), await server.client()];
  await heldHere();
  expect(wires.map(({ ended }) => ended)).toEqual([null, null]);
  expect(asked.map((request) => request.deref())).toEqual([undefined, undefined]);
});
