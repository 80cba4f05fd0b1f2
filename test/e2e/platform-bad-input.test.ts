/** What callers get wrong, or mean badly: each is told clearly, and nothing else happens. */
import type { Sandbox } from "@daytonaio/sdk";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { api, makeDataDir, sdk, startPlatform, stopPlatform, toolbox } from "./platform-kit.ts";
import type { StartedPlatform } from "./platform-kit.ts";

const MiB = 1024 * 1024;
const json = { "content-type": "application/json" };

describeWhere([needs.linux], "bad input", () => {
  let platform: StartedPlatform;
  let box: Sandbox;
  let outside: string;
  const ask = (path: string, body?: unknown, method = "POST"): Promise<Response> =>
    toolbox(platform, box.id, path, {
      method,
      ...(body === undefined ? {} : { headers: json, body: JSON.stringify(body) }),
    });
  const post = (path: string, body: string, headers: Record<string, string> = json) =>
    api(platform, path, { method: "POST", headers, body });
  const seen = async (answer: Response): Promise<[number, string]> => [
    answer.status,
    await answer.text(),
  ];

  beforeAll(async () => {
    outside = mkdtempSync(join(tmpdir(), "hf-outside-"));
    platform = await startPlatform(makeDataDir());
    box = await sdk(platform).create({ name: "bad" });
  });

  afterAll(async () => {
    rmSync(outside, { recursive: true });
    await stopPlatform(platform);
  });

  test("no path leads out of the sandbox, however it is written", async () => {
    const before = readdirSync(join(platform.dataDir, "p")).sort();
    const way = "../".repeat(12);
    for (const path of [`${outside}/x`, `${way}${outside.slice(1)}/x`, `a/../../..${outside}/x`]) {
      await box.fs.uploadFile(Buffer.from("x"), path).catch(() => undefined);
      await ask(`/files/folder?path=${encodeURIComponent(`${path}-dir`)}&mode=0777`);
      await ask(`/files/move?source=/etc/hostname&destination=${encodeURIComponent(path)}`);
      await box.git.init(path).catch(() => undefined);
    }
    await box.process.executeCommand(`ln -s ${outside} out; echo x >out/x; ln -s / top`);
    await box.fs.uploadFile(Buffer.from("x"), "out/y").catch(() => undefined);
    expect(readdirSync(outside)).toEqual([]);
    expect(readdirSync(join(platform.dataDir, "p")).sort()).toEqual(before);
    for (const path of ["/etc/shadow", "top/etc/shadow", `${way}etc/shadow`, platform.dataDir]) {
      const [status] = await seen(await ask(`/files/download?path=${path}`, undefined, "GET"));
      expect([400, 403, 404]).toContain(status);
    }
  });

  test("a NUL, an empty and an endless path are refused everywhere", async () => {
    const long = `/tmp/${"a".repeat(5000)}`;
    for (const path of ["a%00b", "", long]) {
      for (const [method, route] of [
        ["GET", "/files/info"],
        ["GET", "/files/download"],
        ["DELETE", "/files"],
        ["POST", "/files/folder"],
        ["POST", "/files/permissions"],
        ["GET", "/git/status"],
      ] as const) {
        const answer = await ask(
          `${route}?path=${path}`,
          method === "GET" ? undefined : {},
          method,
        );
        expect([400, 404], `${method} ${route}`).toContain(answer.status);
      }
    }
    const [status, parts] = await seen(await ask("/files/bulk-download", { paths: ["a\0b"] }));
    expect([status, parts]).toEqual([200, expect.stringContaining("INVALID_FILE_PATH")]);
  });

  test.each([
    ["/process/execute", {}, "command"],
    ["/process/execute", { command: 7 }, "command"],
    ["/process/execute", { command: "true", timeout: -1 }, "timeout"],
    ["/process/execute", { command: "true", timeout: "soon" }, "timeout"],
    ["/process/execute", { command: "true", envs: ["A=b"] }, "envs"],
    ["/process/execute", { command: "true", envs: { A: { b: 1 } } }, "envs"],
    ["/process/execute", { command: "true", envs: { A: "b\0c" } }, "envs"],
    ["/process/execute", { command: "true", cwd: 7 }, "cwd"],
    ["/process/code-run", { code: "1", language: "python", argv: ["a\0b"] }, "argv"],
    ["/process/code-run", { code: "1", language: "python", argv: "a" }, "argv"],
    ["/process/code-run", { code: 1 }, "code"],
    ["/process/session", {}, "sessionId"],
    ["/process/session", { sessionId: "a".repeat(5000) }, "session"],
    ["/process/pty", { id: "x", rows: 0 }, "rows"],
    ["/files/bulk-download", { paths: [] }, "paths"],
    ["/files/replace", { files: "a", pattern: "b" }, "files"],
    ["/files/replace", { files: ["a"], pattern: "" }, "pattern"],
    ["/git/clone", { url: "--upload-pack=touch /tmp/x", path: "c" }, "url"],
    ["/git/add", { path: "c", files: "x" }, "files"],
    ["/env", { set: { "A B": "c" } }, "set"],
  ] as const)("%s with %o is 400 and names what is wrong", async (path, body, word) => {
    const [status, text] = await seen(await ask(path, body));
    expect([status, text]).toEqual([400, expect.stringContaining(word)]);
  });

  test("a body that is no JSON object is 400, one that is too large 413, and both are answered", async () => {
    for (const body of ["{", "[]", "null", "7", '"a"', "[".repeat(100_000)]) {
      expect((await post("/sandbox", body)).status).toBe(400);
      const answer = await toolbox(platform, box.id, "/process/execute", {
        method: "POST",
        headers: json,
        body,
      });
      expect(answer.status).toBe(400);
    }
    const large = `{"name":"${"a".repeat(2 * MiB)}"}`;
    expect(await seen(await post("/sandbox", large))).toEqual([
      413,
      expect.stringContaining("too large"),
    ]);
    const [status] = await seen(await ask("/process/execute", { command: "x".repeat(40 * MiB) }));
    expect(status).toBe(413);
    expect((await post("/sandbox", "name=x", { "content-type": "text/plain" })).status).toBe(400);
  });

  test("a command of 10 MiB runs", async () => {
    const command = `: ${"x".repeat(10 * MiB)}\necho ran`;
    expect((await box.process.executeCommand(command)).result).toBe("ran\n");
    expect((await box.process.executeCommand("ls /tmp | grep -c dtn_")).result).toBe("0\n");
  });

  test("a list of 5,000 files is answered, each in its turn", async () => {
    const paths = Array.from({ length: 5_000 }, (_, index) => `none-${index}`);
    const [status, text] = await seen(await ask("/files/bulk-download", { paths }));
    expect(status).toBe(200);
    expect(text.match(/FILE_NOT_FOUND/g)).toHaveLength(paths.length);
  });

  test("an upload that is no multipart form is told, and leaves no file", async () => {
    const upload = (body: string, type: string): Promise<Response> =>
      toolbox(platform, box.id, "/files/bulk-upload", {
        method: "POST",
        headers: { "content-type": type },
        body,
      });
    const head = 'Content-Disposition: form-data; name="files[0].';
    for (const [body, type] of [
      ["x", "text/plain"],
      ["x", "multipart/form-data"],
      ["--B\r\nnonsense", "multipart/form-data; boundary=B"],
      [
        `--B\r\n${head}path"\r\n\r\ntorn.txt\r\n--B\r\n${head}file"; filename="a"\r\n\r\nhalf`,
        "multipart/form-data; boundary=B",
      ],
    ] as const) {
      const answer = await upload(body, type);
      expect([answer.status, await answer.json()]).toEqual([
        400,
        { errors: expect.arrayContaining([expect.any(String)]) as string[], files: null },
      ]);
    }
    expect((await box.process.executeCommand("ls -A")).result).not.toContain("torn");
  });

  test("who has no right learns nothing, also by an upgrade", async () => {
    const wrong = { authorization: "Bearer hfp_wrong" };
    for (const path of ["/sandbox", "/volumes", "/api-keys/current", "/no-such", "/_faults"]) {
      const answer = await api(platform, path, { headers: wrong });
      expect(await seen(answer)).toEqual([401, expect.stringContaining("Invalid credentials")]);
    }
    for (const [path, headers, expected] of [
      [`/toolbox/${box.id}/process/pty/create-connect?id=x`, wrong, 401],
      [`/toolbox/${box.id}/process/pty/create-connect?id=x`, {}, 401],
      ["/toolbox/none/process/pty/x/connect", {}, 401],
      ["/toolbox/..%2F..%2Fetc/version", {}, 401],
      [`/toolbox/${box.id}/no-such`, { authorization: `Bearer ${platform.apiKey}` }, 404],
    ] as const) {
      expect(await upgrade(platform, path, headers), path).toBe(expected);
    }
    expect(await box.process.listPtySessions()).toEqual([]);
  });

  test("names and ids with odd letters are only names", async () => {
    for (const id of [
      "__proto__",
      "constructor",
      "%00",
      "..%2F..",
      "%F0%9F%92%A9",
      "a".repeat(500),
    ]) {
      expect((await api(platform, `/sandbox/${id}`)).status).toBe(404);
    }
    for (const name of ["a/b", "a\0b", "a".repeat(129), ""]) {
      expect((await post("/sandbox", JSON.stringify({ name }))).status).toBe(400);
    }
    const labels = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`l${index}`, "x"]));
    expect((await post("/sandbox", JSON.stringify({ labels }))).status).toBe(400);
    for (const query of [
      "limit=201",
      "limit=abc",
      "limit=0",
      "cursor=junk",
      "labels={",
      "sort=x",
    ]) {
      expect((await api(platform, `/sandbox?${query}`)).status, query).toBe(400);
    }
    for (const setting of [
      "public/yes",
      "autostop/-1",
      "autostop/1.5",
      "autoarchive/x",
      "ttl/-1",
    ]) {
      expect((await post(`/sandbox/bad/${setting}`, "")).status, setting).toBe(400);
    }
    expect(existsSync(join(platform.dataDir, "p", "sandboxes", "__proto__"))).toBe(false);
  });
});

/** The status that an upgrade is refused with. */
function upgrade(
  platform: StartedPlatform,
  path: string,
  headers: Record<string, string>,
): Promise<number> {
  const { hostname, port } = new URL(platform.apiUrl);
  return new Promise((resolve, reject) => {
    const asking = request({
      hostname,
      port,
      path,
      headers: {
        ...headers,
        connection: "upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      },
    });
    asking.on("error", reject);
    asking.on("response", (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asking.on("upgrade", (_answer, socket) => {
      socket.destroy();
      resolve(101);
    });
    asking.end();
  });
}
