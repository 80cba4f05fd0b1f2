/** The way of sandboxes without a network to the hub: found late, once, closed without a trace. */
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import type { Server } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "../../src/base/log.ts";
import { createDriverKit } from "../../src/hub/driver-kit.ts";
import { HostDoor } from "../../src/hub/host-door.ts";
import { LISTEN_BACKLOG, slowPeerLimits } from "../../src/hub/server/listener.ts";
import type { PlatformFacts } from "../../src/providers/provider.ts";
import { TestClock } from "../support/test-clock.ts";
import { until } from "../support/until.ts";

let servicesDir: string;
let door: HostDoor;
let attached: Server[];
const gate = {
  attach: (server: Server) => {
    attached.push(server);
  },
  close: () => undefined,
};

beforeEach(() => {
  servicesDir = mkdtempSync(join(tmpdir(), "holdfast-door-"));
  door = new HostDoor("hub_1", silentLogger);
  attached = [];
});
afterEach(async () => {
  await door.close();
  rmSync(servicesDir, { recursive: true, force: true });
});

const facts = (more: Partial<PlatformFacts>): PlatformFacts => ({
  apiUrl: "http://x",
  reachable: true,
  auth: "ok",
  tier: null,
  root: null,
  pause: null,
  door: null,
  checkedAt: 0,
  detail: null,
  ...more,
});
const there = (): PlatformFacts => facts({ door: { servicesDir, mountedAt: "/run/holdfast" } });
const down = (): PlatformFacts => facts({ reachable: false, auth: "unknown" });

describe("the host door", () => {
  test("[SB16] opens when the platform is back, although nobody asks for it", async () => {
    const clock = new TestClock();
    let [isBack, asked] = [false, 0];
    const ask = (): Promise<PlatformFacts> => {
      asked += 1;
      return Promise.resolve(isBack ? there() : down());
    };
    await door.keepReaching(clock, ask, gate);
    await clock.advanceAsync(5_000);
    expect([asked, readdirSync(servicesDir)]).toEqual([3, []]);
    isBack = true;
    await clock.advanceAsync(2_000);
    await until(() => readdirSync(servicesDir).length > 0);
    await clock.advanceAsync(10_000);
    expect([asked, clock.pendingTimers]).toEqual([4, 0]);
  });

  test("[SB16] asks no more once it is closed", async () => {
    const clock = new TestClock();
    await door.keepReaching(clock, () => Promise.resolve(down()), gate);
    await clock.advanceAsync(1_000);
    await door.close();
    await clock.advanceAsync(10_000);
    expect([readdirSync(servicesDir), clock.pendingTimers]).toEqual([[], 0]);
  });

  test("[SB16] opens once, also when many ask, and every user inside may connect", async () => {
    let asked = 0;
    const ask = (): Promise<PlatformFacts> => {
      asked += 1;
      return Promise.resolve(there());
    };
    const paths = await Promise.all([1, 2, 3].map(() => door.reach(ask, gate)));
    expect(paths).toEqual(Array.from({ length: 3 }, () => "/run/holdfast/hub_1.sock"));
    expect([asked, attached.length]).toEqual([1, 1]);
    const mode = statSync(join(servicesDir, "hub_1.sock")).mode & 0o777;
    expect(mode).toBe(0o666);
    await door.close();
    expect(readdirSync(servicesDir)).toEqual([]);
  });

  test("[SB16] a thousand drivers that dial in one moment wait, and none is refused", async () => {
    await door.reach(() => Promise.resolve(there()), gate);
    const path = join(servicesDir, "hub_1.sock");
    const dials = Array.from({ length: 1_000 }, () => connect(path));
    const refusals: string[] = [];
    for (const dial of dials) dial.on("error", ({ message }) => refusals.push(message));
    await Promise.allSettled(dials.map((dial) => once(dial, "connect")));
    for (const dial of dials) dial.destroy();
    expect(refusals).toEqual([]);
  });

  test("[SB25] who finds no room at the door is refused at once", async () => {
    await door.reach(() => Promise.resolve(there()), gate);
    const path = join(servicesDir, "hub_1.sock");
    const dials = Array.from({ length: 2 * LISTEN_BACKLOG }, () => connect(path));
    const refusals: string[] = [];
    for (const dial of dials) {
      dial.on("error", (error: NodeJS.ErrnoException) => refusals.push(error.code ?? ""));
    }
    await Promise.allSettled(dials.map((dial) => once(dial, "connect")));
    for (const dial of dials) dial.destroy();
    // The kernel lets in one more than it is told.
    expect(refusals).toEqual(Array.from({ length: LISTEN_BACKLOG - 1 }, () => "EAGAIN"));
  });

  test("[SB16] a platform that was down when the hub started is asked again", async () => {
    expect(await door.reach(() => Promise.resolve(down()), gate)).toBeNull();
    expect(await door.reach(() => Promise.resolve(there()), gate)).not.toBeNull();
  });

  test("[SB16] [CL16] a platform without a door is asked once, and a public address is used", async () => {
    let asked = 0;
    const ask = (): Promise<PlatformFacts> => {
      asked += 1;
      return Promise.resolve(facts({}));
    };
    const kit = createDriverKit({
      bundleFile: "x",
      token: () => "t",
      publicUrl: "https://hub.example/base",
      doorSocket: () => door.reach(ask, gate),
      platform: "daytona",
    });
    expect(await kit.urls("acme/demo")).toEqual([
      "wss://hub.example/v1/driver?session=acme%2Fdemo",
    ]);
    expect(await kit.urls("demo")).toHaveLength(1);
    expect(asked).toBe(1);
  });

  test("[CL26] doors of other hubs come in an order of the session, all of them, behind the own", async () => {
    const others = ["b", "c", "d"].map((name) => `/run/${name}.sock`);
    const kit = createDriverKit({
      bundleFile: "x",
      token: () => "t",
      publicUrl: null,
      doorSocket: () => Promise.resolve("/run/a.sock"),
      otherDoors: () => others,
      platform: "local",
    });
    const sessions = Array.from({ length: 300 }, (_, n) => `session-${n}`);
    const urls = await Promise.all(sessions.map((session) => kit.urls(session)));
    for (const [first, ...rest] of urls) {
      expect(first).toBe("ws+unix:/run/a.sock:/v1/driver");
      expect(rest.toSorted()).toEqual(others.map((path) => `ws+unix:${path}:/v1/driver`));
    }
    for (const path of others) {
      const seconds = urls.filter(([, second]) => second?.includes(path)).length;
      expect(seconds).toBeGreaterThan(60);
    }
    expect(await kit.urls("session-7")).toEqual(urls[7]);
  });

  test("[SB16] a door on another machine is no reason not to start", async () => {
    rmSync(servicesDir, { recursive: true });
    expect(await door.reach(() => Promise.resolve(there()), gate)).toBeNull();
    expect(existsSync(servicesDir)).toBe(false);
    const kit = createDriverKit({
      bundleFile: "x",
      token: () => "t",
      publicUrl: null,
      doorSocket: () => Promise.resolve(null),
      platform: "daytona",
    });
    await expect(kit.urls("demo")).rejects.toMatchObject({ code: "PublicUrlMissing" });
  });

  test("[AC14] a peer that is slow with its headers is let go, here as on the hub's port", async () => {
    await door.reach(() => Promise.resolve(there()), gate);
    const [server] = attached;
    expect(server?.headersTimeout).toBe(slowPeerLimits.headersTimeout);
    expect(server?.requestTimeout).toBe(slowPeerLimits.requestTimeout);
  });
});
