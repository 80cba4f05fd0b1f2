/** Daytona's contract at its edges: event mode, races, broken-off uploads, snapshots, refusals. */
import { Daytona } from "@daytonaio/sdk";
import type { Sandbox } from "@daytonaio/sdk";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs, testWhere } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { api, makeDataDir, sdk, startPlatform, stopPlatform } from "./platform-kit.ts";
import type { StartedPlatform } from "./platform-kit.ts";

describeWhere([needs.linux], "the contract at its edges", () => {
  let platform: StartedPlatform;
  let daytona: Daytona;
  let box: Sandbox;
  const post = (path: string, body?: object): Promise<Response> =>
    api(platform, path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  beforeAll(async () => {
    platform = await startPlatform(makeDataDir());
    daytona = sdk(platform);
    box = await daytona.create({ name: "edge" });
  });

  afterAll(async () => {
    await stopPlatform(platform);
  });

  test("the SDK's own default, event mode, works without an event feed", async () => {
    const events = new Daytona({
      apiKey: platform.apiKey,
      apiUrl: platform.apiUrl,
      target: "local",
    });
    const made = await events.create({ name: "evented" });
    await made.stop();
    expect(made.state).toBe("stopped");
    await made.start();
    await made.delete();
    await events[Symbol.asyncDispose]();
  });

  test("a wrong key fails in one call with its class", async () => {
    const wrong = new Daytona({ apiKey: "hfp_no", apiUrl: platform.apiUrl, target: "local" });
    await expect(wrong.get("edge")).rejects.toMatchObject({
      name: "DaytonaAuthenticationError",
      statusCode: 401,
    });
    await wrong[Symbol.asyncDispose]();
  });

  test("of two changes at once one wins and the other is told 409", async () => {
    const answers = await Promise.all([
      post(`/sandbox/${box.id}/stop`),
      post(`/sandbox/${box.id}/stop`),
    ]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409]);
    const both = await Promise.all([
      post(`/sandbox/${box.id}/start`),
      api(platform, `/sandbox/${box.id}`, { method: "DELETE" }),
    ]);
    expect(both.map((answer) => answer.status)).toEqual([200, 409]);
    expect(await both[1].json()).toMatchObject({ message: "Sandbox state change in progress" });
  });

  test("two creates of one name make one sandbox", async () => {
    const answers = await Promise.all([
      post("/sandbox", { name: "twin" }),
      post("/sandbox", { name: "twin" }),
    ]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409]);
    await (await daytona.get("twin")).delete();
  });

  test("class container cannot pause", async () => {
    const made = (await (
      await post("/sandbox", { name: "flat", sandboxClass: "container" })
    ).json()) as {
      id: string;
    };
    const answer = await post(`/sandbox/${made.id}/pause`);
    expect(answer.status).toBe(422);
    await (await daytona.get("flat")).delete();
  });

  test("mistakes in a create are told, not guessed around", async () => {
    for (const [body, status, text] of [
      [{ name: "a/b" }, 400, "name must be"],
      [{ name: "x", cpu: 1.5 }, 400, "cpu must be"],
      [{ name: "x", env: { "A=B": "c" } }, 400, "no usable variable"],
      [{ name: "x", env: { A: 1 } }, 400, "env must be"],
      [{ name: "x", secrets: [{ TOKEN: "t" }] }, 501, "secrets"],
      [{ name: "x", buildInfo: { dockerfileContent: "FROM a\nRUN b\n" } }, 400, "cannot build"],
      [
        { name: "x", buildInfo: { dockerfileContent: "FROM nope:1\n" } },
        400,
        "Snapshot nope:1 not found",
      ],
    ] as const) {
      const answer = await post("/sandbox", body);
      expect([answer.status, await answer.text()]).toEqual([status, expect.stringContaining(text)]);
    }
    const torn = await api(platform, "/sandbox", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{",
    });
    expect(torn.status).toBe(400);
    expect((await api(platform, "/warm-pools")).status).toBe(501);
    expect((await api(platform, "/no-such-thing")).status).toBe(404);
  });

  test("an inactive snapshot refuses, an activated one serves", async () => {
    expect((await post("/snapshots/default/deactivate")).status).toBe(204);
    const refused = await post("/sandbox", { name: "late", snapshot: "default" });
    expect([refused.status, await refused.text()]).toEqual([
      400,
      expect.stringContaining("Snapshot default is inactive"),
    ]);
    const activating = await daytona.snapshot.activate(await daytona.snapshot.get("default"));
    expect(activating.state).toBe("pending");
    await until(async () => (await daytona.snapshot.get("default")).state === "active");
    await (await daytona.create({ name: "late", snapshot: "default" })).delete();
  });

  testWhere(
    [needs.root],
    "a registered root directory is what the sandbox sees, not the host's",
    async () => {
      const root = join(platform.dataDir, "image");
      // The last three are for hosts without bubblewrap.
      const needed = ["sh", "env", "setpriv", "prlimit", "umount", "setsid", "unshare"];
      makeRoot(root, [...needed, "cat", "ls", "sleep"]);
      expect((await post("/snapshots", { name: "tiny", imageName: root })).status).toBe(200);
      expect((await post("/snapshots", { name: "bad", imageName: "/" })).status).toBe(400);
      const made = await daytona.create({ name: "from-root", snapshot: "tiny" });
      const seen = await made.process.executeCommand(
        "cat /marker; ls /usr/bin | cat; echo x >/marker",
      );
      expect(seen.result).toContain("from the image");
      expect(seen.result).not.toContain("python3");
      expect(seen.result).toContain("marker: Permission denied");
      await made.delete();
    },
  );

  test("a program that names an image finds this machine's root under that name", async () => {
    await expect(daytona.create({ image: "python:3.12-slim" })).rejects.toThrow("not found");
    const made = await daytona.snapshot.create({ name: "python:3.12-slim", image: "default" });
    expect([made.state, made.general]).toEqual(["active", false]);
    const sandbox = await daytona.create({ image: "python:3.12-slim" });
    expect((await sandbox.process.codeRun("print(6 * 7)")).result).toBe("42\n");
    await sandbox.delete();
    await daytona.snapshot.delete(made);
    const other = await post("/snapshots", { name: "a", imageName: "alpine" });
    expect(other.status).toBe(400);
    expect(await other.text()).toContain("is this machine's");
  });

  test("language servers are a typed no, and say who has them", async () => {
    const lsp = await box.createLspServer("python", "project");
    await expect(lsp.start()).rejects.toMatchObject({
      statusCode: 501,
      message: expect.stringContaining("runs no language servers; a hub does") as string,
    });
  });

  test("a broken-off upload leaves no file and no draft", async () => {
    const { hostname, port } = new URL(platform.apiUrl);
    const sending = request({
      hostname,
      port,
      method: "POST",
      path: `/toolbox/${box.id}/files/bulk-upload`,
      headers: {
        authorization: `Bearer ${platform.apiKey}`,
        "content-type": "multipart/form-data; boundary=B",
      },
    });
    sending.on("error", () => undefined);
    sending.write(
      '--B\r\nContent-Disposition: form-data; name="files[0].path"\r\n\r\nhalf.bin\r\n',
    );
    sending.write(
      '--B\r\nContent-Disposition: form-data; name="files[0].file"; filename="half.bin"\r\n\r\n',
    );
    sending.write(Buffer.alloc(100_000));
    const drafts = async (): Promise<string> =>
      (await box.process.executeCommand("ls -A | grep half || true")).result.trim();
    await until(async () => (await drafts()).includes(".part"));
    sending.destroy();
    await until(async () => (await drafts()) === "");
  });

  test("large files go both ways unchanged", async () => {
    const bytes = Buffer.alloc(8 * 1024 * 1024, "0123456789abcdef-");
    await box.fs.uploadFile(bytes, "large.bin");
    expect((await box.fs.downloadFile("large.bin")).equals(bytes)).toBe(true);
  });

  test("idle sandboxes stop by themselves, and a look that asks not to count does not count", async () => {
    const set = await post(`/sandbox/${box.id}/autostop/30`);
    expect(await set.json()).toMatchObject({ autoStopInterval: 30 });
    expect((await post(`/sandbox/${box.id}/autostop/-5`)).status).toBe(400);
    const fresh = await daytona.create({ name: "fresh" });
    const activity = async (): Promise<string | undefined> =>
      (await daytona.get("fresh")).lastActivityAt;
    const before = await activity();
    await fetch(`${platform.apiUrl.replace(/\/api$/, "")}/toolbox/${fresh.id}/version`, {
      headers: {
        authorization: `Bearer ${platform.apiKey}`,
        "x-daytona-skip-last-activity-update": "true",
      },
    });
    expect(await activity()).toBe(before);
    await fresh.process.executeCommand("true");
    const used = await activity();
    expect(used).not.toBe(before);
    // The next one that is written down comes 45 s later.
    await fresh.process.executeCommand("true");
    expect(await activity()).toBe(used);
    await fresh.delete();
  });
});

/** A root with a few of the host's programs and what they load; node comes from the platform. */
function makeRoot(root: string, programs: string[]): void {
  for (const dir of ["etc", "tmp", "usr/bin", "proc", "dev", "run"]) {
    mkdirSync(join(root, dir), { recursive: true });
  }
  for (const name of ["bin", "lib", "lib64"])
    spawnSync("ln", ["-s", `usr/${name}`, join(root, name)]);
  writeFileSync(join(root, "marker"), "from the image\n");
  const files = programs.map((name) => `/usr/bin/${name}`);
  for (const file of [...files, ...[...files, process.execPath].flatMap(librariesOf)]) {
    const target = join(root, file.startsWith("/usr/") ? file : `/usr${file}`);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(realpathSync(file), target);
  }
}

function librariesOf(file: string): string[] {
  const { stdout } = spawnSync("ldd", [file], { encoding: "utf8" });
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? "");
}
