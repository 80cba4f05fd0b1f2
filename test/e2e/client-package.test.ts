/** What docs/CLIENT.md shows, by somebody who installed the package: typed, run, and its output. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildClient } from "../../build/client-bundle.ts";
import { openHub, run as runInside } from "../../src/client/index.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { RealHub, TOKEN } from "./hub-kit.ts";
import { makeDataDir, startPlatform, stopPlatform, type StartedPlatform } from "./platform-kit.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const page = readFileSync(join(root, "docs", "CLIENT.md"), "utf8");
const run = promisify(execFile);

describeWhere([needs.linux], "holdfast/client from node_modules", () => {
  const home = mkdtempSync(join(tmpdir(), "hf-client-"));
  let platform: StartedPlatform;
  let hub: RealHub;

  beforeAll(async () => {
    const installed = join(home, "node_modules", "holdfast");
    mkdirSync(installed, { recursive: true });
    cpSync(join(root, "package.json"), join(installed, "package.json"));
    await buildClient(join(installed, "dist", "client"));
    for (const name of ["valibot", "@types"]) {
      symlinkSync(join(root, "node_modules", name), join(home, "node_modules", name));
    }
    const [, example = ""] = /```ts\n(.*?)```/s.exec(page) ?? [];
    expect(example).toContain("holdfast/client");
    writeFileSync(join(home, "example.mts"), example);
    platform = await startPlatform(makeDataDir());
    hub = new RealHub(platform);
    await hub.start();
  });
  afterAll(async () => {
    await hub.remove();
    await stopPlatform(platform);
    rmSync(home, { recursive: true, force: true });
  });

  test("its declarations hold for a strict program", async () => {
    const compiler = join(root, "node_modules", "typescript-native", "bin", "tsc");
    const strict = ["--noEmit", "--strict", "--exactOptionalPropertyTypes"];
    const modern = ["--target", "es2024", "--lib", "es2024,esnext.disposable,dom"];
    const node = [
      "--module",
      "nodenext",
      "--types",
      "node",
      "--noPropertyAccessFromIndexSignature",
    ];
    await run(process.execPath, [compiler, ...strict, ...modern, ...node, "example.mts"], {
      cwd: home,
    });
  });

  test("it prints what the page says", async () => {
    const env = { ...process.env, HOLDFAST_URL: hub.url, HOLDFAST_TOKEN: TOKEN };
    const { stdout, stderr } = await run(process.execPath, ["example.mts"], { cwd: home, env });
    const [, said] = /What it prints:\n\n```\n(.*?)```/s.exec(page) ?? [];
    expect(stdout).toBe(said);
    expect(stderr).toContain("proven in epoch 1");
  });

  test("the example of a tool for an agent answers line by line, and leaves no session", async () => {
    cpSync(join(root, "examples", "code-runner", "tool.mjs"), join(home, "tool.mjs"));
    const env = { ...process.env, HOLDFAST_URL: hub.url, HOLDFAST_TOKEN: TOKEN };
    const running = run(process.execPath, ["tool.mjs"], { cwd: home, env });
    const asked = [
      { language: "bash", code: "echo one; echo two >&2" },
      { language: "javascript", code: "null.x" },
      { language: "cobol", code: "" },
    ];
    running.child.stdin?.end(asked.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const lines = (await running).stdout.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { exitCode: 0, error: null, stdout: "one\n", stderr: "two\n", tries: 1 },
      { exitCode: 1, error: "TypeError: Cannot read properties of null (reading 'x')" },
      { error: expect.stringMatching(/^BadRequest: body: language is "cobol"/) as string },
    ]);
    await using open = openHub({ url: hub.url, token: TOKEN });
    const { items } = await open.api.sessions();
    expect(items.filter(({ state }) => state === "connected")).toEqual([]);
  });

  test("what only Node has comes beside it, with the same errors", async () => {
    writeFileSync(join(home, "node.mts"), copying);
    symlinkSync(join(root, "node_modules", "ws"), join(home, "node_modules", "ws"));
    const env = { ...process.env, HOLDFAST_URL: hub.url, HOLDFAST_TOKEN: TOKEN };
    const { stdout } = await run(process.execPath, ["node.mts"], { cwd: home, env });
    expect(stdout).toBe("copied and read back\nFileMissing true\nhello over a port\n");
  });

  test("a command that is given up or says too much is killed, and a wrong name told", async () => {
    await using open = openHub({ url: hub.url, token: TOKEN });
    const { name } = await open.create();
    await using inside = await open.attach(name);
    const late = runInside(inside, ["sleep", "60"], { signal: AbortSignal.timeout(200) });
    await expect(late).rejects.toThrow("timeout");
    const loud = runInside(inside, ["yes"], { outputBytesMax: 100_000 });
    await expect(loud).rejects.toMatchObject({ code: "OutputTooLarge" });
    const left = await runInside(inside, ["sh", "-c", "sleep 0.3; pgrep -x 'sleep|yes' | wc -l"]);
    expect(left.stdout.trim()).toBe("0");
    await expect(open.attach("nobody")).rejects.toMatchObject({ code: "SessionNotFound" });
    await expect(runInside(inside, ["no-such-program"])).rejects.toMatchObject({
      code: "CommandNotFound",
    });
    await open.remove(name);
    await expect(open.api.session(name)).rejects.toMatchObject({ code: "SessionNotFound" });
  });

  test("a wrong token is told at the first call, and the next one may do better", async () => {
    await using wrong = openHub({ url: hub.url, token: "hf_wrong" });
    await expect(wrong.create()).rejects.toMatchObject({ code: "Unauthenticated" });
    await expect(wrong.attach("any")).rejects.toMatchObject({ code: "Unauthenticated" });
  });
});

const copying = `
import { once } from "node:events";
import { HubError, openHub, run } from "holdfast/client";
import { PortDuplex, downloadFile, uploadFile } from "holdfast/client/node";
import { readFileSync, writeFileSync } from "node:fs";

await using hub = openHub({ url: process.env.HOLDFAST_URL, token: process.env.HOLDFAST_TOKEN });
const { name } = await hub.create();
await using inside = await hub.attach(name);
writeFileSync("there.txt", "copied and read back");
await uploadFile(async () => inside, { from: "there.txt", to: "there.txt" });
await downloadFile(async () => inside, { from: "there.txt", to: "back.txt" });
console.log(readFileSync("back.txt", "utf8"));
const missing = downloadFile(async () => inside, { from: "no-such", to: "no-such" });
await missing.catch((error) => console.log(error.code, error instanceof HubError));
await inside.listen({
  port: 4711,
  onConnection: (accepted) => {
    const taken = accepted.take({ onData: () => undefined });
    void taken.write(new TextEncoder().encode("hello over a port")).then(() => taken.end());
  },
}).opened;
const port = new PortDuplex((events) => inside.tcp({ port: 4711 }, events));
const [said] = await once(port, "data");
console.log(said.toString());
port.destroy();
await hub.remove(name);
`;
