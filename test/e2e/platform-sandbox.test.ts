import type { Daytona, Sandbox } from "@daytonaio/sdk";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { api, makeDataDir, sdk, startPlatform, stopPlatform, toolbox } from "./platform-kit.ts";
import type { StartedPlatform } from "./platform-kit.ts";

describeWhere([needs.linux], "sandboxes through the unmodified SDK", () => {
  let platform: StartedPlatform;
  let daytona: Daytona;
  let box: Sandbox;

  beforeAll(async () => {
    platform = await startPlatform(makeDataDir());
    daytona = sdk(platform);
    box = await daytona.create({ name: "one", labels: { team: "a" }, envVars: { GREETING: "hi" } });
  });

  afterAll(async () => {
    await stopPlatform(platform);
  });

  test("a created sandbox is started and found by name and by id", async () => {
    expect(box.state).toBe("started");
    expect((await daytona.get("one")).id).toBe(box.id);
    expect((await daytona.get(box.id)).name).toBe("one");
  });

  test("exec gives exit code, both outputs, environment and directory", async () => {
    const both = await box.process.executeCommand("echo out; echo err >&2; exit 3");
    expect(both.exitCode).toBe(3);
    expect(both.result).toContain("out");
    expect(both.result).toContain("err");
    const env = await box.process.executeCommand('echo "$GREETING $NAME"', undefined, {
      NAME: "x",
    });
    expect(env.result.trim()).toBe("hi x");
    expect((await box.process.executeCommand("pwd")).result.trim()).toBe("/home/daytona");
    expect((await box.process.executeCommand("pwd", "/usr")).result.trim()).toBe("/usr");
    const badPlace = await box.process.executeCommand("pwd", "/nope");
    expect(badPlace.exitCode).toBe(-1);
    expect(badPlace.result).toContain("/nope");
  });

  test("a timeout kills the whole group and answers 408", async () => {
    const slow = box.process.executeCommand("sleep 30 & sleep 30", undefined, undefined, 1);
    await expect(slow).rejects.toMatchObject({ statusCode: 408 });
    const left = await box.process.executeCommand("ps -eo args | grep -c '^sleep 30' || true");
    expect(left.result.trim()).toBe("0");
  });

  test("files go up, down, are listed, moved and deleted", async () => {
    const bytes = Buffer.from([0, 255, 1, 128, 10, 13]);
    await box.fs.uploadFile(bytes, '/home/daytona/dir/a b"é.bin');
    expect(await box.fs.downloadFile('/home/daytona/dir/a b"é.bin')).toEqual(bytes);
    await box.fs.moveFiles('/home/daytona/dir/a b"é.bin', "/home/daytona/dir/c.bin");
    const listed = await box.fs.listFiles("/home/daytona/dir");
    expect(listed.map(({ name, size, isDir }) => ({ name, size, isDir }))).toEqual([
      { name: "c.bin", size: bytes.length, isDir: false },
    ]);
    const owner = { owner: "daytona", group: "daytona" };
    await box.fs.setFilePermissions("dir/c.bin", { mode: "640", ...owner });
    const stranger = box.fs.setFilePermissions("dir/c.bin", { owner: "nosuch" });
    await expect(stranger).rejects.toThrow("unknown user nosuch");
    expect((await box.fs.getFileDetails("dir/c.bin")).mode).toBe("-rw-r-----");
    await box.fs.createFolder("dir/sub", "700");
    await expect(box.fs.deleteFile("dir")).rejects.toMatchObject({ statusCode: 400 });
    await box.fs.deleteFile("dir", true);
    await expect(box.fs.listFiles("dir")).rejects.toMatchObject({ statusCode: 404 });
    await expect(box.fs.downloadFile("gone")).rejects.toMatchObject({ statusCode: 404 });
  });

  test("text is found, searched by name and replaced", async () => {
    await box.fs.uploadFile(Buffer.from("one\ntwo needle\n"), "text/a.txt");
    const found = await box.fs.findFiles("text", "needle");
    expect(found).toMatchObject([{ line: 2, content: "two needle" }]);
    expect((await box.fs.searchFiles("text", "*.txt")).files).toHaveLength(1);
    await box.fs.replaceInFiles(["text/a.txt"], "needle", "pin");
    expect((await box.fs.downloadFile("text/a.txt")).toString()).toBe("one\ntwo pin\n");
  });

  test("code runs in the languages that are there", async () => {
    const run = await box.process.codeRun("import sys; print(1 + 1); sys.exit(4)");
    expect(run).toMatchObject({ exitCode: 4, result: "2\n" });
  });

  test("a session keeps its shell between commands", async () => {
    await box.process.createSession("s1");
    await box.process.executeSessionCommand("s1", { command: "cd /usr; X=5" });
    const second = await box.process.executeSessionCommand("s1", {
      command: "pwd; echo $X >&2; (exit 7)",
    });
    expect(second).toMatchObject({ exitCode: 7, stdout: "/usr\n", stderr: "5\n" });
    await expect(box.process.createSession("s1")).rejects.toMatchObject({ statusCode: 409 });
    await box.process.deleteSession("s1");
    await expect(box.process.getSession("s1")).rejects.toMatchObject({ statusCode: 404 });
  });

  test("stop ends the processes and keeps the files, start brings new ones", async () => {
    await box.fs.uploadFile(Buffer.from("kept"), "kept.txt");
    await box.process.executeCommand("sleep 1000 >/dev/null 2>&1 </dev/null &");
    await box.stop();
    expect(box.state).toBe("stopped");
    const refused = await toolbox(platform, box.id, "/version");
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain("Is the Sandbox started?");
    await box.start();
    expect((await box.fs.downloadFile("kept.txt")).toString()).toBe("kept");
    expect((await box.process.executeCommand("pgrep -c sleep || true")).result.trim()).not.toBe(
      "2",
    );
  });

  test("a paused counter stands still and goes on from where it stood", async () => {
    await box.process.executeCommand(
      "(i=0; while :; do i=$((i+1)); echo $i >/tmp/count; sleep 0.02; done) >/dev/null 2>&1 </dev/null &",
    );
    const counter = join(platform.dataDir, "p", "sandboxes", box.id, "cow-merged", "tmp", "count");
    await expect.poll(() => existsSync(counter) && readFileSync(counter, "utf8")).toBeTruthy();
    await box.pause();
    expect(box.state).toBe("paused");
    const before = readFileSync(counter, "utf8");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(readFileSync(counter, "utf8")).toBe(before);
    expect((await toolbox(platform, box.id, "/version")).status).toBe(400);
    await box.start();
    await expect.poll(() => Number(readFileSync(counter, "utf8"))).toBeGreaterThan(Number(before));
  });

  test("a taken name is 409, an unknown snapshot 400, an unknown sandbox 404", async () => {
    await expect(daytona.create({ name: "one" })).rejects.toMatchObject({ statusCode: 409 });
    await expect(daytona.create({ snapshot: "nope" })).rejects.toThrow("Snapshot nope not found");
    await expect(daytona.get("nobody")).rejects.toMatchObject({ statusCode: 404 });
  });

  test("a wrong key is 401 on the API and on the toolbox, an unknown id there, too", async () => {
    const wrong = { headers: { authorization: "Bearer hfp_wrong" } };
    const answer = await api(platform, "/sandbox", wrong);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({
      path: "/api/sandbox",
      statusCode: 401,
      error: "Unauthorized",
      message: "Invalid credentials",
    });
    expect((await toolbox(platform, box.id, "/version", wrong)).status).toBe(401);
    expect((await toolbox(platform, "no-such-id", "/version")).status).toBe(401);
  });

  test("list filters by label and pages by cursor", async () => {
    const two = await daytona.create({ name: "two", labels: { team: "b" } });
    const teamB: string[] = [];
    for await (const item of daytona.list({ labels: { team: "b" } })) teamB.push(item.name);
    expect(teamB).toEqual(["two"]);
    const all: string[] = [];
    for await (const item of daytona.list({ limit: 1 })) all.push(item.name);
    expect(all.sort()).toEqual(["one", "two"]);
    await two.delete();
  });
});
