/** How the driver process finds, keeps and loses its hub. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FEATURES } from "../../src/protocol/version.ts";
import { ensureBundles } from "../../build/bundle.ts";
import { startTicks } from "../../src/driver/instance.ts";
import { CloseCodes } from "../../src/protocol/close-codes.ts";
import { startDriver, type DriverProcess } from "../support/driver-process.ts";
import { TinyHub } from "../support/tiny-hub.ts";

let directory: string;
let hub: TinyHub;
let driver: DriverProcess | null;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-link-"));
  hub = new TinyHub();
  driver = null;
  await hub.listen({ path: join(directory, "hub.sock") });
});

afterEach(async () => {
  await driver?.end();
  await hub.close();
  rmSync(directory, { recursive: true, force: true });
});

const unixUrl = (): string => `ws+unix:${join(directory, "hub.sock")}:/v1/driver`;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function live(urls = [unixUrl()]): Promise<DriverProcess> {
  driver = await startDriver({ urls });
  await hub.driver();
  return driver;
}

describe("a driver", () => {
  test("says hello over a unix socket, confirms the epoch, answers pings", async () => {
    const { pid } = await live();
    const link = await hub.driver();
    expect(link.authorization).toBe("Bearer canary-driver-token");
    expect(link.hello).toMatchObject({ session: "ses_test", lastEpoch: null, reason: "start" });
    const services = ["exec", "terminal", "probe"];
    expect(link.hello.features).toEqual(expect.arrayContaining([...FEATURES, ...services]));
    expect(link.hello.instance.pid).toBe(pid);
    await pause(1_300);
    expect(link.pongs.length).toBeGreaterThanOrEqual(2);
    expect(Math.max(...link.pongs.map((pong) => pong.roundTripMs))).toBeLessThan(500);
  });

  test("tells in its ready file who it is and how its link is", async () => {
    const { pid, ready, readyFile } = await live();
    await pause(100);
    expect(ready()).toMatchObject({ pid, state: "live", epoch: 1, version: "0.1.0" });
    const ticks = startTicks(readFileSync(`/proc/${pid}/stat`, "utf8"));
    expect(ready()?.["startTicks"]).toBe(ticks);
    expect(statSync(readyFile).mode & 0o777).toBe(0o600);
    await hub.close();
    await pause(300);
    expect(ready()).toMatchObject({ pid, state: "dialling", epoch: 1 });
  });

  test("dials at once on SIGUSR1, with the epoch that it last confirmed", async () => {
    const { child } = await live();
    // A link that is younger than a second is the one that the signal asks for.
    await pause(1_000);
    const sentAt = performance.now();
    child.kill("SIGUSR1");
    const second = await hub.driver(2);
    expect(second.atMs - sentAt).toBeLessThan(500);
    expect(second.hello).toMatchObject({ reason: "nudge", lastEpoch: 1 });
    expect(second.epoch).toBe(2);
    expect(hub.drivers[0]?.ended).not.toBeNull();
  });

  test("takes a storm of SIGUSR1 from its first moment on without dying or an inspector", async () => {
    driver = await startDriver({ urls: [unixUrl()] });
    const { child, readyFile } = driver;
    while (!existsSync(readyFile)) await pause(1);
    for (let i = 0; i < 200; i++) {
      child.kill("SIGUSR1");
      await pause(2);
    }
    expect(child.exitCode).toBeNull();
    expect(hub.drivers.length).toBeLessThanOrEqual(3);
    expect(await listens(9229)).toBe(false);
    await hub.driver();
  });

  test("dials at once after it was stopped for 3 s, and keeps its link after 1 s", async () => {
    const { child } = await live();
    await pause(200);
    child.kill("SIGSTOP");
    await pause(1_000);
    child.kill("SIGCONT");
    await pause(1_000);
    expect(hub.drivers).toHaveLength(1);
    child.kill("SIGSTOP");
    await pause(3_000);
    const thawedAt = performance.now();
    child.kill("SIGCONT");
    const second = await hub.driver(2);
    expect(second.hello.reason).toBe("jump");
    expect(second.atMs - thawedAt).toBeLessThan(1_000);
  });

  test("waits for a hub that is gone and finds it again", async () => {
    await live();
    await hub.close();
    await pause(1_500);
    hub = new TinyHub(10);
    await hub.listen({ path: join(directory, "hub.sock") });
    const link = await hub.driver(1, 10_000);
    expect(link.hello).toMatchObject({ lastEpoch: 1 });
    expect(link.epoch).toBeGreaterThanOrEqual(10);
  });

  test("goes through its addresses until one works", async () => {
    const nobody = join(directory, "nobody.sock");
    await live([`ws+unix:${nobody}:/v1/driver`, "ws://127.0.0.1:1/v1/driver", unixUrl()]);
    expect((await hub.driver()).hello.session).toBe("ses_test");
  });

  test("ends with a written reason when the hub says so for good", async () => {
    hub.refuseWith = CloseCodes.sessionUnknown.code;
    driver = await startDriver({ urls: [unixUrl()] });
    expect(await driver.exited).toBe(3);
    expect(driver.log()).toContain("refused by the test");
    expect(driver.ready()).toBeNull();
  });

  test("stays away when it is fenced, until it is nudged", async () => {
    hub.refuseWith = CloseCodes.fenced.code;
    driver = await startDriver({ urls: [unixUrl()] });
    await pause(800);
    hub.refuseWith = null;
    await pause(500);
    expect(hub.drivers).toHaveLength(0);
    driver.child.kill("SIGUSR1");
    expect((await hub.driver()).hello.reason).toBe("nudge");
  });

  test("[ST12] comes to rest when it is asked, and is back when it is nudged", async () => {
    const { child } = await live();
    expect(await hub.rest(await hub.driver())).toBe(CloseCodes.checkpoint.code);
    // No other end of a link is followed by so long a silence: the first dials come within 0.4 s.
    await pause(600);
    expect(hub.drivers).toHaveLength(1);
    child.kill("SIGUSR1");
    expect((await hub.driver(2)).hello).toMatchObject({ lastEpoch: 1, reason: "nudge" });
  });

  test("SIGTERM ends it cleanly and its ready file goes", async () => {
    const { child, ready, exited } = await live();
    child.kill("SIGTERM");
    expect(await exited).toBe(0);
    expect(ready()).toBeNull();
  });

  test("names the mistake in its config and shows none of its content", async () => {
    const { driver: bundle } = await ensureBundles();
    const path = join(directory, "bad.json");
    writeFileSync(path, JSON.stringify({ session: "s", token: "canary", urls: [] }));
    const result = spawnSync(process.execPath, [bundle, path], { encoding: "utf8" });
    expect(result.status).toBe(78);
    expect(result.stderr).toContain("urls");
    expect(result.stderr).not.toContain("canary");
    expect(spawnSync(process.execPath, [bundle], { encoding: "utf8" }).stderr).toContain("usage");
  });
});

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
