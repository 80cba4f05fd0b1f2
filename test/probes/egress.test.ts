/** The look for the way out: what it concludes, and what the real script says on this machine. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  egressCommand,
  judgeEgress,
  probeEgress,
  readEgressReport,
  type EgressReport,
} from "../../src/probes/egress-probe.ts";
import { FakePlatform } from "../support/fake-platform.ts";
import { HubWorld, untilError } from "../support/hub-world.ts";
import { TestClock } from "../support/test-clock.ts";

const tried = (dns: string | null, connect: string | null, to = "hub:443") => ({
  to,
  dns,
  connect,
});
const report = (...tries: EgressReport["tries"]): EgressReport => ({
  tries,
  driver: null,
});
const printed = (said: EgressReport): string => `holdfast-egress:${JSON.stringify(said)}\n`;

describe("the judge of the way out", () => {
  test.for([
    ["EgressBlocked", report(tried("ok", "TIMEOUT"))],
    ["EgressBlocked", report(tried(null, "ECONNREFUSED"))],
    ["EgressBlocked", report(tried("ENOTFOUND", null), tried(null, "EHOSTUNREACH"))],
    ["DnsFailed", report(tried("ENOTFOUND", null))],
    ["DnsFailed", report(tried("EAI_AGAIN", null), tried("ENOTFOUND", null, "other:443"))],
    [null, report(tried("ok", "ok"))],
    [null, report(tried("ENOTFOUND", null), tried(null, "ok", "/run/hub.sock"))],
  ] as const)("[PR13] says %s", ([code, said]) => {
    expect(judgeEgress(said)).toMatchObject({ code, ok: code === null });
  });

  test.for([
    ["UpgradeBlocked", "server answered 403"],
    ["UpgradeBlocked", "socket hang up (ECONNRESET)"],
    ["UpgradeBlocked", "Opening handshake has timed out"],
    ["UpgradeBlocked", "Invalid Sec-WebSocket-Accept header"],
    ["TlsRejected", "self-signed certificate (DEPTH_ZERO_SELF_SIGNED_CERT)"],
    ["TlsRejected", "certificate has expired (CERT_HAS_EXPIRED)"],
    ["TlsRejected", "no names match (ERR_TLS_CERT_ALTNAME_INVALID)"],
    [null, "server answered 503 (StoreUnreachable)"],
    [null, "connect ECONNREFUSED 10.0.0.1:443"],
    [null, "the hub did not confirm in time"],
    [null, null],
  ] as const)("[PR13] says %s where a driver connected and met: %s", ([code, driver]) => {
    const said = { ...report(tried("ok", "ok")), driver };
    expect(judgeEgress(said)).toMatchObject({ code, ok: code === null });
    // An address that cannot be reached at all comes first: what is older says less.
    const shut = { ...report(tried("ok", "TIMEOUT")), driver };
    expect(judgeEgress(shut).code).toBe("EgressBlocked");
  });

  test("[PR13] says nothing of the way where the hub itself was late to answer", () => {
    const met = (driver: string, hubWasLate: boolean): string | null => {
      return judgeEgress({ ...report(tried("ok", "ok")), driver }, hubWasLate).code;
    };
    const late = ["Opening handshake has timed out", "socket hang up", "server answered 504"];
    expect(late.map((driver) => met(driver, true))).toEqual([null, null, null]);
    expect(late.map((driver) => met(driver, false))).toEqual(late.map(() => "UpgradeBlocked"));
    // What answers so does not wait for the hub.
    for (const driver of ["server answered 403", "Invalid Upgrade header"])
      expect(met(driver, true)).toBe("UpgradeBlocked");
    const shut = { ...report(tried("ok", "TIMEOUT")), driver: "socket hang up" };
    expect(judgeEgress(shut, true).code).toBe("EgressBlocked");
  });

  test("[PR13] names each address with its error, and what the driver wrote", () => {
    const said = { ...report(tried("ok", "TIMEOUT")), driver: "connect ETIMEDOUT 10.0.0.1:443" };
    expect(judgeEgress(said).detail).toBe(
      "hub:443: connect TIMEOUT; its driver wrote: connect ETIMEDOUT 10.0.0.1:443",
    );
  });

  test("[PR13] what is no report says nothing", async () => {
    for (const output of ["", "sh: node: not found", "holdfast-egress:{", "holdfast-egress:{}"]) {
      expect(readEgressReport(output)).toBeNull();
    }
    const clock = new TestClock();
    const provider = new FakePlatform(clock);
    provider.exec = () => Promise.reject(new Error("exec is broken"));
    const files = { config: "/c", ready: "/r" };
    const asked = { provider, sandboxId: "b", files, url: "ws://hub", epoch: 1, clock };
    expect(await probeEgress(asked)).toBeNull();
  });
});

describe("the script", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "holdfast-egress-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const run = (urls: readonly string[], ready = {}, url = urls[0] ?? ""): Promise<string> => {
    const files = { config: join(dir, "it's.json"), ready: join(dir, "ready.json") };
    writeFileSync(files.config, JSON.stringify({ urls, token: "SECRET" }));
    writeFileSync(files.ready, JSON.stringify({ lastError: "connect ECONNREFUSED", ...ready }));
    return new Promise((resolve) => {
      execFile("/bin/sh", ["-c", egressCommand(files, url)], { timeout: 10_000 }, (_, stdout) =>
        resolve(stdout),
      );
    });
  };

  test("[PR13] what the driver met at another hub's address says nothing of this one's", async () => {
    const urls = ["ws://127.0.0.1:1/other", "ws://127.0.0.1:1/v1/driver"];
    const wrote = async (lastUrl: object): Promise<unknown> =>
      readEgressReport(await run(urls, lastUrl, urls[1]))?.driver;
    expect(await wrote({ lastUrl: urls[1] })).toBe("connect ECONNREFUSED");
    expect(await wrote({ lastUrl: urls[0] })).toBeNull();
    // Drivers of the first release do not tell where it was.
    expect(await wrote({})).toBe("connect ECONNREFUSED");
  });

  test("[PR13] tells an open port, a closed one, a missing name and a missing socket apart", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const output = await run([
      `ws://127.0.0.1:${port}/v1/driver`,
      "ws://127.0.0.1:1/v1/driver",
      "wss://nobody.invalid/v1/driver",
      `ws+unix:${dir}/none.sock:/v1/driver`,
    ]);
    server.close();
    expect(output).not.toContain("SECRET");
    const said = readEgressReport(output);
    expect(said?.driver).toBe("connect ECONNREFUSED");
    expect(said?.tries.map(({ to, connect }) => [to, connect])).toEqual([
      [`127.0.0.1:${port}`, "ok"],
      ["127.0.0.1:1", "ECONNREFUSED"],
      ["nobody.invalid:443", null],
      [`${dir}/none.sock`, "ENOENT"],
    ]);
    expect(said?.tries[2]?.dns).toMatch(/^E(NOTFOUND|AI_)|^TIMEOUT/);
  });
});

describe("a session whose driver does not come", () => {
  const nudgedMs = ({ policy }: HubWorld): number =>
    policy.nudgeWaitsMs.reduce((sum, waitMs) => sum + waitMs, 0);
  const blocked = printed(report(tried("ok", "TIMEOUT")));

  test("[SM42] is told of its closed network, and no rung is climbed for it", async () => {
    const world = new HubWorld();
    world.platform.wayOut = blocked;
    const session = world.create();
    const tookMs = await untilError(world, session, 20_000);
    expect(tookMs).toBeLessThan(20_000);
    expect(session.record.fault).toMatchObject({ code: "EgressBlocked", retryable: true });
    expect(session.record.fault?.evidence.map(({ what }) => what)).toContain("egress");
    expect([world.platform.count("stop"), world.platform.count("exec:launch")]).toEqual([0, 1]);
    expect(session.health().verdict.code).toBe("EgressBlocked");
  });

  test.for([
    ["UpgradeBlocked", "server answered 407"],
    ["TlsRejected", "unable to verify (UNABLE_TO_VERIFY_LEAF_SIGNATURE)"],
  ] as const)("[SM42] is told of %s, and no rung is climbed for it", async ([code, driver]) => {
    const world = new HubWorld();
    world.platform.wayOut = printed({ ...report(tried("ok", "ok")), driver });
    const session = world.create();
    await untilError(world, session, 20_000);
    expect(session.record.fault).toMatchObject({ code, retryable: true });
    expect([world.platform.count("stop"), world.platform.count("exec:launch")]).toEqual([0, 1]);
  });

  test("[SM42] a driver that was there and is heard no more: the same, by a nudge", async () => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    world.platform.wayOut = blocked;
    session.detach(link, "silent");
    await untilError(world, session, 20_000);
    expect(session.record.fault?.code).toBe("EgressBlocked");
    expect(world.platform.count("stop")).toBe(0);
  });

  test("[SM42] is proven again by itself when the network opens", async () => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    world.platform.wayOut = blocked;
    session.detach(link, "silent");
    await untilError(world, session, 20_000);
    world.platform.wayOut = printed(report(tried("ok", "ok")));
    world.platform.onNudge = () => "driver-dead";
    await world.clock.advanceAsync(3 * world.policy.confirmMs);
    expect(session.record.state).toBe("connected");
  });

  const word = (said: object, knows = "known"): string => {
    const ready = { state: "dialling", at: 100_000_000, lastError: null, ...said };
    return `holdfast-seek: 100000 ${knows} ${JSON.stringify(ready)}\n`;
  };

  test("[SM70] one that dials a hub that was late is no fault of the network, and left alone", async () => {
    const world = new HubWorld();
    world.loop.start();
    const { session, link } = await world.connected();
    const launches = world.platform.count("exec:launch");
    const driver = "Opening handshake has timed out";
    world.platform.wayOut = printed({ ...report(tried("ok", "ok")), driver });
    world.platform.driverWord = word({ at: 99_999_000, lastError: driver });
    session.detach(link, "silent");
    await world.clock.advanceAsync(nudgedMs(world) - 1_000);
    for (let dials = 0; dials < 3; dials++) {
      world.clock.freeze(2_500);
      await world.clock.advanceAsync(world.policy.driverWaitMs);
    }
    expect(world.platform.count("exec:seek")).toBeGreaterThan(1);
    expect(session.record.fault?.code ?? null).not.toBe("UpgradeBlocked");
    expect(world.platform.count("exec:launch")).toBe(launches);
  });

  test("[SM70] one that lives and dials is left alone for as long as one that is silent", async () => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    const launches = world.platform.count("exec:launch");
    world.platform.wayOut = printed(report(tried("ok", "ok")));
    world.platform.driverWord = word({});
    session.detach(link, "silent");
    const { silenceMs, driverWaitMs } = world.policy;
    await world.clock.advanceAsync(silenceMs - 1);
    expect(world.platform.count("exec:launch")).toBe(launches);
    expect(session.record.state).toBe("nudging");
    // Nothing is asked of a runtime inside, which takes its time on a machine that has none.
    expect(world.platform.count("exec:egress")).toBe(0);
    await world.clock.advanceAsync(driverWaitMs);
    expect(world.platform.count("exec:launch")).toBe(launches + 1);
  });

  test.for(["read ECONNRESET", "write EPIPE", "dial was given up"])(
    "[SM70] one that met %s of a hub that ended, where the way is open, is left alone",
    async (met) => {
      const world = new HubWorld();
      const { session, link } = await world.connected();
      const launches = world.platform.count("exec:launch");
      world.platform.wayOut = printed({ ...report(tried("ok", "ok")), driver: met });
      world.platform.driverWord = word({ lastError: met });
      session.detach(link, "silent");
      await world.clock.advanceAsync(world.policy.silenceMs - 1);
      expect(session.record.state).toBe("nudging");
      expect(world.platform.count("exec:launch")).toBe(launches);
      expect(world.platform.count("exec:egress")).toBeGreaterThan(0);
    },
  );

  test("[SM70] one that comes while it is left alone is proven, with nothing launched", async () => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    const launches = world.platform.count("exec:launch");
    world.platform.driverWord = word({});
    session.detach(link, "silent");
    await world.clock.advanceAsync(nudgedMs(world) + 20_000);
    world.attach(session);
    await world.clock.advanceAsync(1_000);
    expect(session.record.state).toBe("connected");
    expect(world.platform.count("exec:launch")).toBe(launches);
  });

  test.for([
    ["is live at another hub", word({ state: "live" })],
    ["said so long ago", word({ at: 60_000_000 })],
    ["does not know this hub", word({}, "unknown")],
    ["wrote what nobody understands", "holdfast-seek: 100000 known {]\n"],
    ["does not live", ""],
  ] as const)("[SM70] one that %s is launched anew at once", async ([, said]) => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    const launches = world.platform.count("exec:launch");
    world.platform.wayOut = printed(report(tried("ok", "ok")));
    world.platform.driverWord = said;
    session.detach(link, "silent");
    await world.clock.advanceAsync(nudgedMs(world) + world.policy.driverWaitMs / 2);
    expect(world.platform.count("exec:launch")).toBe(launches + 1);
  });

  test("[SM70] one that met something at this hub's address is asked why", async () => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    world.platform.wayOut = blocked;
    world.platform.driverWord = word({ lastError: "connect ETIMEDOUT" });
    session.detach(link, "silent");
    await untilError(world, session, 20_000);
    expect(session.record.fault?.code).toBe("EgressBlocked");
  });

  test("[SM42] a network that is open is no excuse: another driver is launched", async () => {
    const world = new HubWorld();
    world.platform.wayOut = printed(report(tried("ok", "ok")));
    const session = world.create();
    await untilError(world, session, 120_000);
    expect(session.record.fault?.code).toBe("DriverAbsent");
    expect(world.platform.count("exec:launch")).toBeGreaterThan(1);
  });
});
