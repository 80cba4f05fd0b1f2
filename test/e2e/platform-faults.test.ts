/** Each switch on a real platform: what a caller sees, that it is told as a drill, and its end. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs, testWhere } from "../support/needs.ts";
import { until } from "../support/until.ts";
import {
  api,
  makeDataDir,
  sdk,
  startPlatform,
  stopPlatform,
  toolbox,
  type StartedPlatform,
} from "./platform-kit.ts";

interface Drill {
  id: string;
  fault: string;
  uses: number;
  ended: string | null;
}

describeWhere([needs.linux], "fault switches", () => {
  let platform: StartedPlatform;
  let box: Awaited<ReturnType<ReturnType<typeof sdk>["create"]>>;

  beforeAll(async () => {
    platform = await startPlatform(makeDataDir(), ["--faults", "on"]);
    box = await sdk(platform).create({ name: "drilled" });
  });
  afterAll(() => stopPlatform(platform));

  const on = async (fault: string, more: object = {}): Promise<Response> =>
    api(platform, "/_faults", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ fault, ...more }),
    });
  const off = async (): Promise<readonly Drill[]> => {
    const response = await api(platform, "/_faults", { method: "DELETE" });
    return ((await response.json()) as { ended: Drill[] }).ended;
  };
  const exec = (command: string, waitMs = 10_000): Promise<Response> =>
    toolbox(platform, box.id, "/process/execute", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ command, timeout: 5 }),
      signal: AbortSignal.timeout(waitMs),
    });
  const said = async (command: string): Promise<string> =>
    ((await (await exec(command)).json()) as { result: string }).result;
  const read = (name = "drilled"): Promise<Response> => api(platform, `/sandbox/${name}`);
  const stateOf = async (name: string): Promise<string> =>
    ((await (await read(name)).json()) as { state: string }).state;

  test("are refused on a platform that was not started for them", async () => {
    const plain = await startPlatform(makeDataDir());
    const answer = await api(plain, "/_faults");
    expect([answer.status, await answer.text()]).toEqual([
      403,
      expect.stringContaining("HOLDFAST_PLATFORM_FAULTS=on"),
    ]);
    await stopPlatform(plain);
  });

  test.each([
    ["api-500", 500],
    ["api-502", 502],
    ["api-503", 503],
    ["api-401", 401],
    ["api-429", 429],
  ])("%s answers %i, says that it is a drill, and ends", async (fault, status) => {
    await on(fault);
    const answer = await read();
    expect([answer.status, answer.headers.get("x-holdfast-drill")]).toEqual([status, fault]);
    expect(answer.headers.get("retry-after-authenticated")).toBe(status === 429 ? "2" : null);
    expect(await off()).toMatchObject([{ fault, uses: 1, ended: "cleared" }]);
    expect((await read()).status).toBe(200);
  });

  test("a drill without the key is an honest 401 and no use", async () => {
    await on("exec-late", { sandbox: "drilled", delayMs: 0 });
    const stranger = await fetch(
      `${platform.apiUrl.replace(/\/api$/, "")}/toolbox/${box.id}/process/execute`,
      { method: "POST", body: "{}" },
    );
    expect([stranger.status, stranger.headers.get("x-holdfast-drill")]).toEqual([401, null]);
    expect(await off()).toMatchObject([{ uses: 0 }]);
  });

  test("a lost answer: the sandbox is there, and the caller knows nothing of it", async () => {
    await on("api-drop-answer", { times: 1 });
    const create = sdk(platform).create({ name: "unanswered" });
    await expect(create).rejects.toThrow();
    await until(async () => (await stateOf("unanswered")) === "started");
    await api(platform, "/sandbox/unanswered", { method: "DELETE" });
  });

  test("a call that hangs does so until the drill ends", async () => {
    await on("api-hang", { sandbox: "drilled", times: 1 });
    const late = fetch(`${platform.apiUrl}/sandbox/drilled`, {
      headers: { authorization: `Bearer ${platform.apiKey}` },
      signal: AbortSignal.timeout(300),
    });
    await expect(late).rejects.toThrow(/timeout/);
    expect((await read()).status).toBe(200);
  });

  test("a stuck create stays, cannot be deleted, and goes on when the drill ends", async () => {
    await on("create-stuck", { sandbox: "stuck*" });
    const made = await api(platform, "/sandbox", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "stuck-1" }),
    });
    expect(((await made.json()) as { state: string }).state).toBe("creating");
    expect((await api(platform, "/sandbox/stuck-1", { method: "DELETE" })).status).toBe(409);
    expect(await (await read("stuck-1")).json()).toMatchObject({
      state: "creating",
      drills: [{ fault: "create-stuck", uses: 1 }],
    });
    await off();
    await until(async () => (await stateOf("stuck-1")) === "started");
    expect((await api(platform, "/sandbox/stuck-1", { method: "DELETE" })).status).toBe(200);
  });

  test.each([
    ["create-error", "error", "timeout of 1200000ms exceeded"],
    ["create-build-failed", "build_failed", "failed to export image"],
  ])("%s: the sandbox is in %s with its reason, and can be deleted", async (fault, state, why) => {
    await on(fault, { sandbox: "bad" });
    await expect(sdk(platform).create({ name: "bad" })).rejects.toThrow(why);
    expect(await (await read("bad")).json()).toMatchObject({
      state,
      errorReason: expect.stringContaining(why) as string,
    });
    expect((await api(platform, "/sandbox/bad", { method: "DELETE" })).status).toBe(200);
    await off();
  });

  test.each([
    ["snapshot-inactive", "is inactive"],
    ["snapshot-missing", "not found"],
    ["quota-exceeded", "limit exceeded"],
  ])("%s: the create is refused in Daytona's words, and nothing is left", async (fault, words) => {
    await on(fault);
    await expect(sdk(platform).create({ name: "never" })).rejects.toThrow(words);
    await off();
    expect((await read("never")).status).toBe(404);
  });

  test("claims and listings lie only while they are told to", async () => {
    await on("claim-unknown", { sandbox: "drilled", reason: "dozing" });
    expect(await stateOf("drilled")).toBe("dozing");
    await on("list-empty");
    expect(await (await api(platform, "/sandbox")).json()).toMatchObject({ items: [] });
    await off();
    expect(await stateOf("drilled")).toBe("started");
    expect(await (await api(platform, "/sandbox")).json()).toMatchObject({
      items: [{ name: "drilled" }],
    });
  });

  test("a delete that is ignored, refused, or stuck leaves the sandbox where it was", async () => {
    const gone = (): Promise<Response> => api(platform, "/sandbox/drilled", { method: "DELETE" });
    await on("delete-409", { times: 1 });
    expect((await gone()).status).toBe(409);
    await on("delete-ignored", { times: 1 });
    expect((await gone()).status).toBe(200);
    expect(await stateOf("drilled")).toBe("started");
    await on("pause-refused", { times: 1 });
    const pause = await api(platform, "/sandbox/drilled/pause", { method: "POST" });
    expect(pause.status).toBe(422);
  });

  test("exec: fails, pretends, or runs late also when its caller has gone", async () => {
    await on("exec-500", { times: 1 });
    expect((await exec("true")).status).toBe(500);
    await on("exec-pretends", { times: 1 });
    expect(await said("echo here > pretended")).toBe("");
    expect(await said("cat pretended")).toContain("No such file");
    await on("exec-late", { times: 1, delayMs: 300 });
    await expect(exec("echo here > late", 100)).rejects.toThrow(/timeout/);
    await until(async () => (await said("cat late 2>/dev/null")).includes("here"));
    await on("exec-hang", { times: 1 });
    await expect(exec("true", 200)).rejects.toThrow(/timeout/);
    await off();
  });

  test("files answer as after a resume that lost its mount", async () => {
    await on("files-missing", { sandbox: "drilled" });
    const answer = await toolbox(platform, box.id, "/files?path=/home/daytona");
    expect(answer.status).toBe(404);
    expect(await answer.text()).toMatch(/cow-merged: no such file or directory/);
    await off();
  });

  test("the toolbox daemon is stopped and goes on; killed, it is a bare 502", async () => {
    expect((await on("toolbox-stopped", { sandbox: "drilled" })).status).toBe(201);
    await expect(exec("true", 300)).rejects.toThrow(/timeout/);
    await off();
    expect(await said("echo back")).toBe("back\n");
    expect((await on("toolbox-killed", { sandbox: "drilled" })).status).toBe(201);
    const dead = await exec("true");
    expect([dead.status, await dead.text(), await stateOf("drilled")]).toEqual([
      502,
      "",
      "started",
    ]);
    await box.stop();
    await box.start();
  });

  testWhere([needs.root], "a frozen sandbox claims to be started and is thawed", async () => {
    expect((await on("frozen", { sandbox: "drilled" })).status).toBe(201);
    expect(await stateOf("drilled")).toBe("started");
    await expect(exec("true", 300)).rejects.toThrow(/timeout/);
    await off();
    expect(await said("echo thawed")).toBe("thawed\n");
  });

  testWhere(
    [needs.root],
    "a read-only home and a full one are the kernel's own words",
    async () => {
      const write = (name: string): Promise<string> => said(`echo data > ~/${name}`);
      expect((await on("home-readonly", { sandbox: "drilled" })).status).toBe(201);
      expect(await write("a")).toContain("Read-only file system");
      expect(await off()).toMatchObject([{ ended: "cleared" }]);
      await said("echo kept > ~/before");
      const full = await on("disk-full", { sandbox: "drilled" });
      expect([full.status, full.ok ? "" : await full.text()]).toEqual([201, ""]);
      expect(await said("cat ~/before")).toBe("kept\n");
      expect(await said("head -c 100000 /dev/zero > ~/b")).toContain("No space left on device");
      await off();
      expect(await write("c")).toBe("");
    },
  );

  testWhere(
    [needs.root],
    "a process limit: nothing can be started, until it is lifted",
    async () => {
      expect((await on("process-limit", { sandbox: "drilled" })).status).toBe(201);
      expect(await said("/bin/true & wait")).toContain("EAGAIN");
      await off();
      expect(await said("/bin/echo forked")).toBe("forked\n");
    },
  );

  testWhere([needs.root], "an unmounted root is over when a restart has healed it", async () => {
    const made = await on("root-unmounted", { sandbox: "drilled" });
    if (made.status === 501) return;
    expect((await exec("true")).status).toBe(500);
    await box.stop();
    await box.start();
    expect(await (await api(platform, "/_faults")).json()).toMatchObject({ on: [] });
    expect(await said("cat ~/before")).toBe("kept\n");
  });

  test("killed and deleted behind everybody's back", async () => {
    expect(await (await on("killed", { sandbox: "drilled" })).json()).toMatchObject({
      fault: "killed",
      real: true,
      uses: 1,
      ended: "used up",
    });
    await until(async () => (await stateOf("drilled")) === "stopped");
    expect((await on("deleted", { sandbox: "drilled" })).status).toBe(201);
    expect((await read()).status).toBe(404);
    expect((await on("frozen", { sandbox: "drilled" })).status).toBe(404);
  });
});
