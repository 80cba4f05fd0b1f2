/** Whose is what: organisations and their keys, and volumes that sandboxes share. */
import type { Daytona, Sandbox } from "@daytonaio/sdk";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { api, makeDataDir, sdk, startPlatform, stopPlatform, toolbox } from "./platform-kit.ts";
import type { StartedPlatform } from "./platform-kit.ts";

describeWhere([needs.linux], "organisations and volumes", () => {
  let platform: StartedPlatform;
  let stranger: StartedPlatform;
  let daytona: Daytona;
  let box: Sandbox;
  const post = (who: StartedPlatform, path: string, body: object = {}): Promise<Response> =>
    api(who, path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const readyVolume = async (name: string): Promise<string> => {
    const made = await daytona.volume.create(name);
    expect(made.state).toBe("pending_create");
    await until(async () => (await daytona.volume.get(name)).state === "ready");
    return made.id;
  };
  const told = async (answer: Response): Promise<unknown[]> => [
    answer.status,
    ((await answer.json()) as { message: string }).message,
  ];

  beforeAll(async () => {
    platform = await startPlatform(makeDataDir());
    daytona = sdk(platform);
    box = await daytona.create({ name: "mine" });
    const made = await post(platform, "/_platform/organizations", { name: "other" });
    expect(made.status).toBe(201);
    const { apiKey } = (await made.json()) as { apiKey: string };
    stranger = { ...platform, apiKey };
  });

  afterAll(async () => {
    await stopPlatform(platform);
  });

  test("what is another organisation's is unknown everywhere", async () => {
    const other = sdk(stranger);
    const listed: string[] = [];
    for await (const one of other.list()) listed.push(one.name);
    expect(listed).toEqual([]);
    for (const id of [box.id, "mine"]) {
      const answers = [
        await api(stranger, `/sandbox/${id}`),
        await api(stranger, `/sandbox/${id}`, { method: "DELETE" }),
        await post(stranger, `/sandbox/${id}/stop`),
        await post(stranger, `/sandbox/${id}/autostop/5`),
        await api(stranger, `/sandbox/${id}/signing-key`),
        await api(stranger, `/sandbox/${id}/ports/80/preview-url`),
      ];
      const unknown = [404, `Sandbox with ID or name ${id} not found`];
      for (const answer of answers) expect(await told(answer)).toEqual(unknown);
    }
    expect((await toolbox(stranger, box.id, "/version")).status).toBe(401);
    const preview = await box.getPreviewLink(8080);
    const seen = await fetch(`${new URL(platform.apiUrl).origin}/`, {
      headers: {
        host: new URL(preview.url).host,
        authorization: `Bearer ${stranger.apiKey}`,
      },
      redirect: "manual",
    });
    expect(seen.status).not.toBe(200);
    expect((await daytona.get("mine")).state).toBe("started");
  });

  test("names are free in each organisation, and each sees its own", async () => {
    const other = sdk(stranger);
    const theirs = await other.create({ name: "mine" });
    expect(theirs.organizationId).not.toBe(box.organizationId);
    expect((await other.get("mine")).id).toBe(theirs.id);
    expect((await daytona.get("mine")).id).toBe(box.id);
    await theirs.delete();
    const volume = await daytona.volume.create("named");
    expect((await api(stranger, `/volumes/${volume.id}`)).status).toBe(404);
    await expect(other.volume.get("named")).rejects.toMatchObject({ statusCode: 404 });
  });

  test("keys are listed, made with an end, and deleted; the platform is its owner's", async () => {
    const current: unknown = await (await api(stranger, "/api-keys/current")).json();
    expect(current).toMatchObject({ name: "first", lastUsedAt: null, expiresAt: null });
    expect(JSON.stringify(current)).not.toContain(stranger.apiKey);
    const made = await post(stranger, "/api-keys", {
      name: "short",
      expiresAt: new Date(Date.now() + 300).toISOString(),
    });
    const { value } = (await made.json()) as { value: string };
    const short = { ...platform, apiKey: value };
    expect((await api(short, "/sandbox")).status).toBe(200);
    await until(async () => (await api(short, "/sandbox")).status === 401);
    expect((await post(stranger, "/api-keys", { name: "short" })).status).toBe(409);
    expect((await post(stranger, "/api-keys", { name: "x", expiresAt: "soon" })).status).toBe(400);
    expect((await api(stranger, "/api-keys/short", { method: "DELETE" })).status).toBe(204);
    expect((await api(platform, "/api-keys/platform", { method: "DELETE" })).status).toBe(403);
    expect((await post(stranger, "/_platform/shutdown")).status).toBe(403);
    expect((await post(stranger, "/_platform/organizations", { name: "third" })).status).toBe(403);
    expect((await api(stranger, "/_faults")).status).toBe(403);
  });

  test("two sandboxes share a volume, a part of it is a world of its own, and it outlives them", async () => {
    const volumeId = await readyVolume("shared");
    const first = await daytona.create({
      volumes: [{ volumeId, mountPath: "/home/daytona/data" }],
    });
    await first.process.executeCommand("mkdir data/sub; echo one >data/sub/a; echo x >data/top");
    await first.fs.uploadFile(Buffer.from("up"), "data/up.txt");
    const second = await daytona.create({ volumes: [{ volumeId: "shared", mountPath: "/mnt/v" }] });
    const both = await second.process.executeCommand("echo two >>/mnt/v/sub/a; cat /mnt/v/sub/a");
    expect(both.result).toBe("one\ntwo\n");
    await second.process.executeCommand("echo er >>/mnt/v/up.txt; echo b >/mnt/v/sub/b");
    expect((await first.fs.downloadFile("data/up.txt")).toString()).toBe("uper\n");
    const part = await daytona.create({
      volumes: [{ volumeId, mountPath: "/mnt/v", subpath: "sub/deep" }],
    });
    expect((await part.process.executeCommand("ls -A /mnt/v; ls /mnt/v/..")).result).toBe("v\n");
    await part.process.executeCommand("echo deep >/mnt/v/c");
    expect((await first.process.executeCommand("cat data/sub/deep/c")).result).toBe("deep\n");
    expect((await daytona.get(first.id)).volumes).toEqual([
      { volumeId, mountPath: "/home/daytona/data" },
    ]);
    await first.stop();
    await first.start();
    expect((await first.process.executeCommand("cat data/top")).result).toBe("x\n");
    await expect(daytona.volume.delete(await daytona.volume.get("shared"))).rejects.toMatchObject({
      statusCode: 409,
    });
    await Promise.all([first.delete(), second.delete(), part.delete()]);
    const kept = join(platform.dataDir, "p", "volumes", volumeId);
    expect(readdirSync(kept).sort()).toEqual(["sub", "top", "up.txt"]);
    await daytona.volume.delete(await daytona.volume.get("shared"));
    let seen: { readonly id: string; readonly state: string } | undefined;
    await until(
      async () => {
        const answer = await api(platform, "/volumes?includeDeleted=true");
        const all = (await answer.json()) as NonNullable<typeof seen>[];
        seen = all.find(({ id }) => id === volumeId);
        return seen?.state === "deleted";
      },
      () => JSON.stringify(seen),
    );
    // Its files go before it is told as deleted: a look at them knows of it a moment too early.
    expect(existsSync(kept)).toBe(false);
    await expect(daytona.volume.get("shared")).rejects.toMatchObject({ statusCode: 404 });
  });

  test("a link in a volume or below a mount path leads nowhere", async () => {
    const volumeId = await readyVolume("trap");
    const trap = await daytona.create({
      name: "trap",
      volumes: [{ volumeId, mountPath: "/home/daytona/deep/v" }],
    });
    await trap.process.executeCommand("ln -s / deep/v/host; ln -s /etc deep/v/etc");
    const inside = await post(platform, "/sandbox", {
      volumes: [{ volumeId, mountPath: "/mnt/v", subpath: "host/etc" }],
    });
    expect(await told(inside)).toEqual([400, expect.stringContaining("host is a link")]);
    const outside = join(platform.dataDir, "outside");
    await trap.process.executeCommand(`mv deep gone && ln -s ${outside} deep`);
    await trap.stop();
    const started = await post(platform, "/sandbox/trap/start");
    expect(await told(started)).toEqual([400, expect.stringContaining("deep is a link")]);
    expect(existsSync(outside)).toBe(false);
    await trap.delete();
  });

  test("volumes that cannot be are told in the words of the real platform", async () => {
    const volumeId = await readyVolume("plain");
    const at = (mountPath: unknown, more: object = {}): object => ({
      volumes: [{ volumeId, mountPath, ...more }],
    });
    for (const [body, status, text] of [
      [at("relative"), 400, "Invalid mount path relative (must be absolute)"],
      [at("/"), 400, "Invalid mount path / (cannot mount to the root directory)"],
      [at("/a/../etc"), 400, "(cannot contain relative path components)"],
      [at("/a//b"), 400, "(cannot contain consecutive slashes)"],
      [at("/etc/x"), 400, "(cannot mount to system directory)"],
      [at("/usr/local/x"), 400, "(cannot mount to system directory)"],
      [at("/a", { subpath: "../x" }), 400, "(cannot contain .. for security)"],
      [at("/a", { subpath: "/x" }), 400, "cannot start with /"],
      [{ volumes: [{ volumeId: "none", mountPath: "/a" }] }, 404, "Volume 'none' not found"],
      [{ volumes: "x" }, 400, "volumes must be a list"],
      [
        {
          volumes: [
            { volumeId, mountPath: "/a" },
            { volumeId, mountPath: "/a/b" },
          ],
        },
        400,
        "Invalid mount path /a/b (lies in another volume)",
      ],
    ] as const) {
      expect(await told(await post(platform, "/sandbox", body))).toEqual([
        status,
        expect.stringContaining(text),
      ]);
    }
    expect(await told(await post(platform, "/volumes", { name: "plain" }))).toEqual([
      400,
      "Volume with name plain already exists",
    ]);
    const fresh = await daytona.volume.create("fresh");
    expect(
      await told(
        await post(platform, "/sandbox", { volumes: [{ volumeId: fresh.id, mountPath: "/a" }] }),
      ),
    ).toEqual([400, expect.stringContaining("is not in a ready state")]);
  });
});
