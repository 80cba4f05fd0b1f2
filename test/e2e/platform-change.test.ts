/** What can be made of a sandbox that is there, and who may look at it without a key. */
import type { Daytona, Sandbox } from "@daytonaio/sdk";
import { globSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { api, makeDataDir, sdk, startPlatform, stopPlatform, toolbox } from "./platform-kit.ts";
import type { StartedPlatform } from "./platform-kit.ts";

/** Where the kernel keeps it: version 2 on its own, beside version 1, and version 1. */
const MEMORY_LIMITS = [
  ["", "memory.max"],
  ["unified/", "memory.max"],
  ["memory/", "memory.limit_in_bytes"],
] as const;

/** Open: the proxy answered, though it refused. Shut: there is no way out at all. */
const tryDoor =
  "(exec 3<>/dev/tcp/127.0.0.1/3128; " +
  "printf 'GET http://10.0.0.1/ HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n' >&3; head -1 <&3 | grep -q 403) " +
  "2>/dev/null && echo open || echo shut";

describeWhere([needs.linux, needs.python], "a sandbox becomes another", () => {
  let platform: StartedPlatform;
  let daytona: Daytona;
  let box: Sandbox;
  const exec = async (who: Sandbox, command: string): Promise<string> =>
    (await who.process.executeCommand(command)).result;
  const post = (path: string, body: object = {}): Promise<Response> =>
    api(platform, path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const told = async (answer: Response): Promise<unknown[]> => [
    answer.status,
    ((await answer.json()) as { message: string }).message,
  ];

  beforeAll(async () => {
    platform = await startPlatform(makeDataDir());
    daytona = sdk(platform);
    box = await daytona.create({ name: "parent", labels: { team: "a" }, envVars: { A: "b" } });
    await exec(box, "mkdir -p d; echo one >d/f; ln -s f d/link; chmod 640 d/f");
  });

  afterAll(async () => {
    await stopPlatform(platform);
  });

  test("a fork has the files as its own user's, and no more to do with its parent", async () => {
    await box.process.executeCommand(
      "(i=0; while :; do i=$((i+1)); echo $i >count; sleep 0.01; done) >/dev/null 2>&1 </dev/null &",
    );
    const child = await box.fork({ name: "child" });
    expect(child.labels).toMatchObject({ team: "a" });
    expect(await exec(child, "cat d/link; echo $A; stat -c %a%U d/f; echo two >d/f")).toBe(
      "one\nb\n640daytona\n",
    );
    expect(await exec(box, "cat d/f")).toBe("one\n");
    const before = Number(await exec(box, "cat count"));
    await until(async () => Number(await exec(box, "cat count")) > before);
    expect(await told(await post("/sandbox/parent/fork", { name: "child" }))).toEqual([
      409,
      expect.stringContaining("already exists"),
    ]);
    await child.delete();
  });

  test("others are made from a snapshot of a sandbox, also when that is gone", async () => {
    await box.createSnapshot("made-of-parent");
    expect(box.state).toBe("started");
    const made = await daytona.snapshot.get("made-of-parent");
    expect(made).toMatchObject({ state: "active", sourceSandboxId: box.id });
    const { items } = await daytona.snapshot.list({ sourceSandboxId: box.id });
    expect(items.map(({ name }) => name)).toEqual(["made-of-parent"]);
    await expect(box.createSnapshot("made-of-parent")).rejects.toMatchObject({ statusCode: 409 });
    const [first, second] = await Promise.all([
      daytona.create({ snapshot: "made-of-parent" }),
      daytona.create({ snapshot: "made-of-parent" }),
    ]);
    expect(await exec(first, "cat d/f; stat -c %U d/f; echo mine >d/f")).toBe("one\ndaytona\n");
    expect(await exec(second, "cat d/f")).toBe("one\n");
    await Promise.all([first.delete(), second.delete()]);
    await daytona.snapshot.delete(made);
    await expect(daytona.snapshot.get("made-of-parent")).rejects.toMatchObject({ statusCode: 404 });
  });

  test("the way out of a living sandbox is shut and opened", async () => {
    if (platform.tier === "process") return;
    expect(await exec(box, tryDoor)).toBe("open\n");
    await box.updateNetworkSettings({ networkBlockAll: true });
    expect(await exec(box, tryDoor)).toBe("shut\n");
    await box.updateNetworkSettings({ networkBlockAll: false });
    expect(await exec(box, tryDoor)).toBe("open\n");
    for (const key of ["networkAllowList", "domainAllowList"]) {
      // A list that nobody keeps to would be a promise of safety.
      const list = { [key]: "10.0.0.0/8" };
      expect((await post("/sandbox/parent/network-settings", list)).status).toBe(501);
      expect((await post("/sandbox", list)).status).toBe(501);
    }
    const shut = await daytona.create({ name: "shut", networkBlockAll: true });
    expect(
      await told(await post("/sandbox/shut/network-settings", { networkBlockAll: false })),
    ).toEqual([400, expect.stringContaining("stop and start it first")]);
    await shut.delete();
  });

  test("a stopped sandbox is archived, resized, and started with its files", async () => {
    expect(await told(await post("/sandbox/parent/archive"))).toEqual([
      400,
      "Sandbox is not stopped",
    ]);
    await box.stop();
    await box.resize({ cpu: 2, disk: 5 });
    expect([box.cpu, box.memory, box.disk]).toEqual([2, 1, 5]);
    await box.archive();
    expect([box.state, box.desiredState]).toEqual(["archived", "archived"]);
    const asked = await toolbox(platform, box.id, "/version");
    expect(await told(asked)).toEqual([404, "sandbox container not found"]);
    await box.start();
    expect(await exec(box, "cat d/f")).toBe("one\n");
    await expect(box.resize({ cpu: 1 })).rejects.toThrow("must be in stopped state to decrease");
  });

  test("a running sandbox that grows is held to its new size by the kernel at once", async ({
    skip,
  }) => {
    const limit = (): number | undefined => {
      for (const [name, file] of MEMORY_LIMITS) {
        const found = globSync(`/sys/fs/cgroup/${name}holdfast-*/${box.id}/${file}`)[0];
        if (found !== undefined) return Number(readFileSync(found, "utf8"));
      }
      return undefined;
    };
    skip(limit() === undefined, "needs a memory controller");
    await box.resize({ cpu: 3, memory: 2 });
    expect([box.cpu, box.memory, limit()]).toEqual([3, 2, 2 * 1024 ** 3]);
    await expect(box.resize({ memory: 1 })).rejects.toThrow("must be in stopped state to decrease");
    expect(limit()).toBe(2 * 1024 ** 3);
  });

  test("a signed address needs no key, lasts its time, and dies with the signing key", async () => {
    const url = await box.downloadUrl("d/f", 60);
    expect(await (await fetch(url)).text()).toBe("one\n");
    expect((await fetch(url.replace("d%2Ff", "count"))).status).toBe(401);
    expect((await fetch(url, { method: "DELETE" })).status).toBe(401);
    const form = new FormData();
    form.append("file", new Blob(["put"]), "x");
    const put = await fetch(await box.uploadUrl("d/put"), { method: "POST", body: form });
    expect(put.status).toBe(200);
    expect(await exec(box, "cat d/put")).toBe("put");
    await box.rotateSigningKey();
    expect((await fetch(url)).status).toBe(401);
  });

  test("a signed preview lasts for its seconds, and then leads to the login", async () => {
    await box.process.executeCommand(
      "python3 -m http.server 8200 --directory d >/dev/null 2>&1 </dev/null &",
    );
    const short = await box.getSignedPreviewUrl(8200, 1);
    const { url, token } = await box.getSignedPreviewUrl(8200, 60);
    await until(async () => (await look(url)) === 200);
    for (const seconds of [0, 86_401, 1.5]) {
      const answer = await api(
        platform,
        `/sandbox/parent/ports/8200/signed-preview-url?expiresInSeconds=${seconds}`,
      );
      expect(answer.status).toBe(400);
    }
    await box.expireSignedPreviewUrl(8200, token);
    expect(await look(url)).toBe(307);
    await until(async () => (await look(short.url)) === 307);
  });

  test("what is not to be had here is said: SSH, build logs of what was not built", async () => {
    expect(await told(await post("/sandbox/parent/ssh-access"))).toEqual([
      501,
      expect.stringContaining("does not offer SSH access"),
    ]);
    expect(await box.validateSshAccess("any")).toEqual({ valid: false, sandboxId: null });
    expect(await told(await api(platform, "/sandbox/parent/build-logs-url"))).toEqual([
      404,
      "Sandbox parent has no build info",
    ]);
    expect((await api(platform, "/snapshots/default/build-logs-url")).status).toBe(404);
    const built = await daytona.create({ name: "built", image: "default" });
    const answer = await api(platform, "/sandbox/built/build-logs-url");
    const { url } = (await answer.json()) as { url: string };
    const headers = { authorization: `Bearer ${platform.apiKey}` };
    const log = await (await fetch(`${url}?follow=true`, { headers })).text();
    expect(log).toBe("FROM default\ndefault is registered on this platform; nothing is built\n");
    await built.delete();
  });

  test("it tells what it uses", async () => {
    const metrics = await box.getMetricsLatest();
    expect(metrics.cpuCount).toBeGreaterThan(0);
    expect(metrics.memUsed).toBeGreaterThan(10 * 1024 * 1024);
  });
});

/** By the name of the preview, also where the machine's resolver knows no such name. */
function look(address: string): Promise<number> {
  const { host, port } = new URL(address);
  return new Promise((resolve, reject) => {
    const asking = request({ hostname: "127.0.0.1", port, path: "/f", headers: { host } });
    asking.on("error", reject).on("response", (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asking.end();
  });
}
