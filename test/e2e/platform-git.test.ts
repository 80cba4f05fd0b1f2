/** `sandbox.git` of the unmodified SDK, against remotes inside the sandbox. */
import type { Sandbox } from "@daytonaio/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { makeDataDir, sdk, startPlatform, stopPlatform, toolbox } from "./platform-kit.ts";
import type { StartedPlatform } from "./platform-kit.ts";

const remote = "file:///home/daytona/remote.git";

/** Answers 401 until it is given its one password, then 404; writes down every command line. */
const guardedServer = `
const http = require("http"), fs = require("fs");
const lines = () => fs.readdirSync("/proc").filter((n) => /^[0-9]+$/.test(n))
  .map((n) => { try { return fs.readFileSync("/proc/" + n + "/cmdline", "utf8"); } catch { return ""; } });
http.createServer((q, r) => {
  fs.appendFileSync("seen.txt", lines().join("\\n") + "\\n" + (q.headers.authorization || "none") + "\\n");
  const ok = q.headers.authorization === "Basic " + Buffer.from("me:s3cr3t-word").toString("base64");
  r.writeHead(ok ? 404 : 401, { "www-authenticate": "Basic realm=x" }).end();
}).listen(8123, "127.0.0.1");
`;

describeWhere([needs.linux, needs.git], "git through the toolbox", () => {
  let platform: StartedPlatform;
  let box: Sandbox;
  const read = async (path: string): Promise<string> =>
    (await box.fs.downloadFile(path)).toString();

  beforeAll(async () => {
    platform = await startPlatform(makeDataDir());
    box = await sdk(platform).create({ name: "git" });
    await box.git.init("remote.git", true, "main");
    await box.git.init("a", false, "main");
    await box.fs.uploadFile(Buffer.from("one\n"), "a/dir/é file.txt");
  });

  afterAll(async () => {
    await stopPlatform(platform);
  });

  test("a file is seen, added, committed and told in the history", async () => {
    expect(await box.git.status("a")).toMatchObject({
      currentBranch: "main",
      branchPublished: false,
      fileStatus: [{ name: "dir/é file.txt", staging: "Untracked", worktree: "Untracked" }],
    });
    await box.git.add("a", ["."]);
    const { sha } = await box.git.commit("a", "First\n\nWith a body.", "Ann", "ann@example.org");
    expect(sha).toMatch(/^[0-9a-f]{40}$/);
    const history = await toolbox(platform, box.id, "/git/history?path=a");
    expect(await history.json()).toMatchObject([
      { hash: sha, author: "Ann", email: "ann@example.org", message: "First\n\nWith a body." },
    ]);
    await expect(box.git.commit("a", "Nothing", "Ann", "a@b")).rejects.toMatchObject({
      statusCode: 400,
    });
    await box.git.commit("a", "Empty", "Ann", "a@b", true);
  });

  test("branches are made, listed, changed and deleted, each mistake with its class", async () => {
    await box.git.createBranch("a", "work");
    expect(await box.git.branches("a")).toEqual({ branches: ["main", "work"], current: "work" });
    await expect(box.git.createBranch("a", "main")).rejects.toMatchObject({
      name: "DaytonaGitBranchExistsError",
      statusCode: 409,
    });
    await box.git.checkoutBranch("a", "main");
    await box.git.deleteBranch("a", "work");
    await expect(box.git.checkoutBranch("a", "nowhere")).rejects.toMatchObject({
      name: "DaytonaGitBranchNotFoundError",
      statusCode: 404,
    });
    await expect(box.git.checkoutBranch("a", "--orphan=x")).rejects.toMatchObject({
      statusCode: 400,
    });
    await expect(box.git.status("no/such/place")).rejects.toMatchObject({
      name: "DaytonaGitRepoNotFoundError",
    });
    await expect(box.git.status("/tmp")).rejects.toMatchObject({ statusCode: 404 });
  });

  test("what one clone pushes the other pulls, and a push that lost the race is told", async () => {
    await box.git.remoteAdd("a", "origin", remote);
    expect(await box.git.remotes("a")).toEqual({ remotes: [{ name: "origin", url: remote }] });
    await box.git.push("a", undefined, undefined, "main", "origin", true);
    await box.git.clone(remote, "b", "main");
    await box.fs.uploadFile(Buffer.from("two\n"), "b/dir/é file.txt");
    await box.git.add("b", ["dir"]);
    await box.git.commit("b", "Second", "Ben", "ben@example.org");
    expect(await box.git.status("b")).toMatchObject({
      ahead: 1,
      behind: 0,
      branchPublished: true,
      upstream: "origin/main",
      fileStatus: [],
    });
    await box.git.push("b");
    await box.fs.uploadFile(Buffer.from("three\n"), "a/other.txt");
    await box.git.add("a", ["other.txt"]);
    await box.git.commit("a", "Third", "Ann", "a@b");
    await expect(box.git.push("a")).rejects.toMatchObject({
      name: "DaytonaGitPushRejectedError",
      statusCode: 409,
    });
    await box.git.configureUser("Ann", "ann@example.org");
    expect(await box.git.getConfig("user.name")).toBe("Ann");
    expect(await box.git.getConfig("no.such")).toBeUndefined();
    await box.git.pull("a");
    expect(await read("a/dir/é file.txt")).toBe("two\n");
    await expect(box.git.clone(remote, "c", "no-such-branch")).rejects.toMatchObject({
      name: "DaytonaGitBranchNotFoundError",
    });
    await expect(box.git.clone("file:///nowhere", "c")).rejects.toMatchObject({
      name: "DaytonaGitRepoNotFoundError",
    });
  });

  test("changes are taken back", async () => {
    await box.fs.uploadFile(Buffer.from("spoilt\n"), "b/dir/é file.txt");
    await box.git.add("b", ["."]);
    await box.git.reset("b", "mixed");
    expect((await box.git.status("b")).fileStatus).toMatchObject([
      { staging: "Unmodified", worktree: "Modified" },
    ]);
    await box.git.restore("b", ["."]);
    expect(await read("b/dir/é file.txt")).toBe("two\n");
  });

  test("a password reaches the server and no command line", async () => {
    await box.fs.uploadFile(Buffer.from(guardedServer), "server.js");
    await box.process.executeCommand("node server.js >/dev/null 2>&1 </dev/null &");
    const url = "http://127.0.0.1:8123/x.git";
    await until(async () => {
      const answer = await toolbox(platform, box.id, "/port/8123/in-use");
      return ((await answer.json()) as { isInUse: boolean }).isInUse;
    });
    await expect(box.git.clone(url, "d")).rejects.toMatchObject({
      name: "DaytonaGitAuthFailedError",
      statusCode: 401,
    });
    await expect(
      box.git.clone(url, "d", undefined, undefined, "me", "s3cr3t-word"),
    ).rejects.toMatchObject({ name: "DaytonaGitRepoNotFoundError" });
    const seen = await read("seen.txt");
    expect(seen).toContain(`Basic ${Buffer.from("me:s3cr3t-word").toString("base64")}`);
    expect(seen).toContain("clone");
    expect(seen).not.toContain("s3cr3t-word");
    expect((await box.process.executeCommand("ls /tmp")).result).not.toContain("daytona-git");
  });

  test("a sandbox without git says so", async () => {
    await box.updateEnv({ PATH: "/nowhere" });
    await expect(box.git.status("a")).rejects.toThrow("git binary not found in PATH");
    await box.updateEnv({ PATH: "/usr/bin:/bin" });
    expect((await box.git.status("a")).currentBranch).toBe("main");
  });
});
