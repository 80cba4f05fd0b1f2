/**
 * The hub, the platform and drivers as real processes. The platform was started by hand and the
 * hub meets it as a Daytona: nothing here knows that it is our own.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { OtlpCollector } from "../support/otlp-collector.ts";
import { until } from "../support/until.ts";
import { RealHub, TOKEN } from "./hub-kit.ts";
import {
  api,
  makeDataDir,
  startPlatform,
  stopPlatform,
  toolbox,
  type StartedPlatform,
} from "./platform-kit.ts";

describeWhere([needs.linux], "a hub on a platform", () => {
  let platform: StartedPlatform;
  let hub: RealHub;
  const collector = new OtlpCollector();

  beforeAll(async () => {
    const url = await collector.listen();
    platform = await startPlatform(makeDataDir());
    hub = new RealHub(platform, {}, { telemetry: { url, headers: {} } });
    await hub.start();
  });
  afterEach(async () => {
    for (const { id } of (await hub.ask<{ items: { id: string }[] }>("GET", "/sessions")).items) {
      await hub.ask("DELETE", `/sessions/${id}?wait=20`);
    }
  });
  afterAll(async () => {
    await hub.remove();
    await stopPlatform(platform);
    await collector.close();
  });

  /** The newest trace that a request began, as a tree of names. */
  const traceOf = (request: string): readonly string[] => {
    const root = collector.spans.findLast(({ name }) => name === request);
    return root === undefined ? [] : collector.tree(root.traceId);
  };

  const create = (name: string, more: object = {}) =>
    hub.ask("POST", "/sessions?wait=30", { name, ...more });

  /** Runs a command in the sandbox behind the hub's back. */
  const inside = async (sandboxId: string | null, command: string): Promise<string> => {
    const response = await toolbox(platform, sandboxId ?? "", "/process/execute", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ command, timeout: 10 }),
    });
    return ((await response.json()) as { result: string }).result;
  };

  const sandboxes = async (): Promise<readonly object[]> => {
    const response = await api(platform, "/sandbox");
    return ((await response.json()) as { items: object[] }).items;
  };

  const driverPid = async (sandboxId: string | null): Promise<string> => {
    const said = await inside(sandboxId, "cat ~/.holdfast/ready.json");
    return /"pid": *(\d+)/.exec(said)?.[1] ?? "";
  };

  test("[SM1] connects with proof, and health shows each piece of it", async () => {
    const session = await create("a");
    expect(session).toMatchObject({ state: "connected", epoch: 1, lastError: null });
    expect(await hub.health("a")).toMatchObject({
      status: "pass",
      claim: { state: "started" },
      evidence: { driver: { ok: true }, exec: { ok: true }, filesystem: { ok: true } },
      verdict: { code: "Connected" },
      disagreement: null,
    });
    const timeline = JSON.stringify(await hub.ask("GET", "/sessions/a/timeline"));
    expect(timeline, "[PR21]").toContain("the driver read what a command wrote");
    expect(
      await inside(session.sandboxId, "ls /tmp/.holdfast* ~/.holdfast/mark; true"),
    ).not.toMatch(/^\/(tmp|home)/m);
  });

  test("[OT1] a collector gets one trace, from the request to the attach and the proof", async () => {
    await create("t");
    const post = "POST /v1/sessions";
    await until(() => traceOf(post).includes("  session.create"));
    const tree = traceOf(post);
    expect(tree.slice(0, 2)).toEqual([post, "  session.create"]);
    for (const span of ["platform.create", "platform.exec", "driver.attach", "probe exec"]) {
      expect(tree.map((line) => line.trimEnd())).toContain(`    ${span}`);
    }
  });

  test("[SM9] kill -9 of the driver: another one, a higher epoch, the same sandbox", async () => {
    const before = await create("b");
    await inside(before.sandboxId, `kill -9 ${await driverPid(before.sandboxId)}`);
    const after = await hub.until("b", ({ state, epoch }) => state === "connected" && epoch > 1);
    expect(after).toMatchObject({ sandboxId: before.sandboxId, lastError: null });
  });

  test("[SM20] kill -9 of the hub: after a restart connected again, no new sandbox", async () => {
    const before = await create("c");
    await hub.kill("SIGKILL");
    const startedAt = performance.now();
    await hub.start();
    const after = await hub.until("c", ({ state }) => state === "connected" || state === "error");
    expect(after).toMatchObject({ state: "connected", sandboxId: before.sandboxId });
    expect(after.epoch).toBeGreaterThan(before.epoch);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    expect(await sandboxes()).toHaveLength(1);
  });

  test("[SM2] pause and resume: the same sandbox, proven anew in a new epoch", async () => {
    const before = await create("d");
    const paused = await hub.ask("POST", "/sessions/d/pause?wait=20");
    expect(paused).toMatchObject({ detail: "suspended.paused" });
    expect((await hub.health("d")).status).toBe("pass");
    const resumed = await hub.ask("POST", "/sessions/d/resume?wait=30");
    expect(resumed).toMatchObject({ state: "connected", sandboxId: before.sandboxId });
    expect(resumed.epoch).toBeGreaterThan(before.epoch);
  });

  test("[SM2] a root that is gone after a pause: never connected, a coded error in 15 s", async ({
    skip,
  }) => {
    skip(process.getuid?.() !== 0, "needs root to unmount");
    const { sandboxId } = await create("e");
    await hub.ask("POST", "/sessions/e/pause?wait=20");
    const mounts = mountsOf(sandboxId ?? "");
    skip(mounts.length === 0, "the root of this tier is no mount");
    for (const mount of mounts) execFileSync("umount", ["-l", mount]);
    const resumedAt = performance.now();
    const resumed = await hub.ask("POST", "/sessions/e/resume?wait=30");
    expect(performance.now() - resumedAt).toBeLessThan(15_000);
    expect(resumed.state).toBe("error");
    expect(resumed.lastError?.evidence.length).toBeGreaterThan(1);
    const details = await hub.ask<{ items: { kind: string }[] }>("GET", "/sessions/e/timeline");
    const kinds = details.items.map(({ kind }) => kind);
    expect(kinds.lastIndexOf("session.connected")).toBeLessThan(
      kinds.lastIndexOf("session.suspended"),
    );
    expect((await hub.health("e")).status).toBe("fail");
  });

  test("[SM12] rm leaves no sandbox at the platform", async () => {
    const { id } = await create("f");
    await hub.ask("DELETE", `/sessions/${id}?wait=20`);
    expect(await hub.ask("GET", "/sessions/f")).toMatchObject({ code: "SessionNotFound" });
    expect(await sandboxes()).toEqual([]);
  });

  test("[PV8] a wrong platform key is one coded error, at once", async () => {
    const other = new RealHub({ ...platform, apiKey: "wrong-key-0123456789" });
    await other.start();
    const startedAt = performance.now();
    const session = await other.ask("POST", "/sessions?wait=30", { name: "x" });
    expect(session).toMatchObject({ state: "error", lastError: { code: "PlatformAuthRejected" } });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    await other.remove();
  });

  test("[AC13] no token, key or environment value is in a log, an answer or an event", async () => {
    const secret = "canary-env-value-9876543210";
    const { id } = await create("g", { env: { API_SECRET: secret } });
    const answers: unknown[] = [await hub.health(id)];
    for (const path of ["", "/timeline"])
      answers.push(await hub.ask("GET", `/sessions/${id}${path}`));
    answers.push(await hub.ask("GET", "/platform"), await hub.ask("GET", "/sessions"));
    answers.push(await hub.ask("POST", "/sessions", { name: "g", env: { API_SECRET: secret } }));
    const everything = JSON.stringify(answers) + hub.log();
    expect(everything).toContain(id);
    for (const canary of [secret, TOKEN, platform.apiKey, "hfd_"]) {
      expect(everything.includes(canary), canary).toBe(false);
    }
  });
});

/** Mounts of this sandbox's root on the host. */
function mountsOf(sandboxId: string): string[] {
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((place) => place.includes(sandboxId) && place.includes("cow-merged"));
}
