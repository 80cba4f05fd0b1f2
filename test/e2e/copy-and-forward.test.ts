/**
 * `holdfast cp` and `holdfast forward` as people run them, while hubs are killed, lines are cut,
 * the driver is frozen and killed. Bytes are compared by hash, and nothing may be left behind.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { get } from "node:http";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seededRandom } from "../../src/base/random.ts";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { bin, exitOf, runProgram, waitForText } from "./cli-kit.ts";
import { RealHub, TOKEN } from "./hub-kit.ts";
import {
  makeDataDir,
  startPlatform,
  stopPlatform,
  toolbox,
  type StartedPlatform,
} from "./platform-kit.ts";

const BYTES = 8 * 1024 * 1024;
/** Long enough for the driver to notice that it did not run, and to dial anew. */
const FREEZE_MS = 2_500;

describeWhere([needs.linux], "a copy and a forward while everything breaks", () => {
  let platform: StartedPlatform;
  let hub: RealHub;
  let proxy: CuttingProxy;
  let sandboxId: string;
  let here: string;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    here = mkdtempSync(join(tmpdir(), "hfcp-"));
    platform = await startPlatform(makeDataDir());
    hub = new RealHub(platform);
    await hub.start();
    proxy = new CuttingProxy(() => Number(new URL(hub.url).port), seededRandom("copies"));
    await proxy.listen();
    const session = await hub.ask("POST", "/sessions?wait=30", { name: "demo" });
    sandboxId = session.sandboxId ?? "";
  });
  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    await proxy.close();
    await hub.ask("DELETE", `/sessions/demo?wait=20`);
    await hub.remove();
    await stopPlatform(platform);
    rmSync(here, { recursive: true, force: true });
  });

  const inside = async (command: string): Promise<string> => {
    const response = await toolbox(platform, sandboxId, "/process/execute", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ command, timeout: 20 }),
    });
    return ((await response.json()) as { result: string }).result.trim();
  };
  const signalDriver = async (command: (pid: string) => string): Promise<void> => {
    const pid = /"pid": *(\d+)/.exec(await inside("cat ~/.holdfast/ready.json"))?.[1] ?? "";
    await inside(command(pid));
  };
  const killHub = async (): Promise<void> => {
    await hub.kill("SIGKILL");
    await hub.start();
  };
  const settings = (): Record<string, string> => ({
    PATH: process.env["PATH"] ?? "",
    HOLDFAST_URL: `http://127.0.0.1:${proxy.port}`,
    HOLDFAST_TOKEN: TOKEN,
    HOLDFAST_HOME: hub.home,
  });
  const holdfast = (...words: string[]) =>
    runProgram(process.execPath, [bin, ...words], settings());
  /** Each connection is cut after a few hundred kilobytes, so no fault comes after the end. */
  const whileCutting = async (faults: readonly (() => Promise<unknown>)[]): Promise<void> => {
    proxy.cutsLeft = Infinity;
    for (const fault of faults) {
      const before = proxy.cuts;
      await until(() => proxy.cuts > before);
      await fault();
    }
    proxy.cutsLeft = 0;
  };
  const leftHere = (): string[] => readdirSync(here).filter((name) => name.includes(".part"));
  const leftThere = (): Promise<string> => inside("find ~ -name '.holdfast-*.part'");
  const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

  test("[FI1] 8 MiB in, through cuts, a dead hub and a dead driver; out, through the same and a freeze", async () => {
    const data = randomBytes(BYTES);
    writeFileSync(join(here, "in.bin"), data, { mode: 0o640 });
    const up = holdfast("cp", join(here, "in.bin"), "demo:in.bin", "--json");
    await whileCutting([killHub, () => signalDriver((pid) => `kill -KILL ${pid}`)]);
    const sent = await up;
    expect(sent.stderr).toBe("");
    expect(sent.exitCode).toBe(0);
    expect(JSON.parse(sent.stdout)).toMatchObject({ files: 1, sha256: sha256(data) });
    expect((await inside("sha256sum in.bin")).split(" ")[0]).toBe(sha256(data));
    expect(await inside("stat -c %a in.bin")).toBe("640");

    const down = holdfast("cp", "demo:in.bin", join(here, "out.bin"), "--json");
    const freeze = (pid: string): string =>
      `kill -STOP ${pid}; sleep ${FREEZE_MS / 1_000}; kill -CONT ${pid}`;
    await whileCutting([() => Promise.all([killHub(), signalDriver(freeze)])]);
    const got = await down;
    expect([got.stderr, got.exitCode]).toEqual(["", 0]);
    expect(readFileSync(join(here, "out.bin")).equals(data)).toBe(true);
    expect(statSync(join(here, "out.bin")).mode & 0o777).toBe(0o640);
    expect([leftHere(), await leftThere()]).toEqual([[], ""]);
  });

  test("[FI6] a directory goes there and back as it is, and what cannot is told", async () => {
    const tree = join(here, "tree");
    mkdirSync(join(tree, "empty"), { recursive: true });
    mkdirSync(join(tree, "a/b"), { recursive: true });
    for (let i = 0; i < 60; i++) writeFileSync(join(tree, "a/b", `file ${i}`), `content ${i}`);
    writeFileSync(join(tree, "run.sh"), "#!/bin/sh\n");
    chmodSync(join(tree, "run.sh"), 0o755);
    symlinkSync("a/b/file 1", join(tree, "link"));
    symlinkSync("/etc/passwd", join(tree, "way-out"));
    utimesSync(join(tree, "a"), 1_000_000, 1_000_000);
    const up = await holdfast("cp", tree, "demo:", "--json");
    expect([up.stderr, up.exitCode]).toEqual(["", 0]);
    expect(JSON.parse(up.stdout)).toMatchObject({ files: 61, directories: 4, symlinks: 2 });
    const down = await holdfast("cp", "demo:tree/.", join(here, "back"), "--json");
    expect([down.stderr, down.exitCode]).toEqual(["", 0]);
    expect(JSON.parse(down.stdout)).toMatchObject({
      files: 61,
      symlinks: 1,
      skipped: [{ path: "way-out" }],
    });
    const back = join(here, "back");
    for (let i = 0; i < 60; i++) {
      expect(readFileSync(join(back, "a/b", `file ${i}`), "utf8")).toBe(`content ${i}`);
    }
    expect(readlinkSync(join(back, "link"))).toBe("a/b/file 1");
    expect(statSync(join(back, "run.sh")).mode & 0o777).toBe(0o755);
    expect(statSync(join(back, "a")).mtimeMs).toBe(1_000_000_000);
    expect(readdirSync(join(back, "empty"))).toEqual([]);
    const missing = await holdfast("cp", "demo:no-such", here);
    expect([missing.exitCode, missing.stdout]).toEqual([1, ""]);
    expect(missing.stderr).toContain("no-such: there is no such file or directory (ENOENT)");
  });

  test("[FI6] what is no UTF-8 is told and not made as something else", async () => {
    const tree = join(here, "latin");
    mkdirSync(tree);
    writeFileSync(Buffer.concat([Buffer.from(join(tree, "caf")), Buffer.of(0xe9)]), "");
    symlinkSync(Buffer.of(0x74, 0xe9), join(tree, "astray"));
    writeFileSync(join(tree, "plain"), "");
    const up = await holdfast("cp", tree, "demo:");
    expect(up.exitCode).toBe(1);
    expect(up.stderr).toMatch(/failed: .*astray: no target in UTF-8/);
    expect(up.stderr).toMatch(/failed: caf\ufffd: no name in UTF-8/);
    expect(await inside("ls latin")).toBe("plain");
    await inside("ln -s $(printf 't\\351') latin/astray");
    const down = await holdfast("cp", "demo:latin/.", join(here, "latin-back"));
    expect([down.exitCode, readdirSync(join(here, "latin-back"))]).toEqual([1, ["plain"]]);
  });

  const SERVER = `const s = require("net").createServer({ allowHalfOpen: true }, (c) => c.pipe(c));
    s.listen(0, "127.0.0.1", () => require("fs").writeFileSync("echo.port", String(s.address().port)));
    require("http").createServer((q, r) => r.end("hello " + q.url))
      .listen("web.sock");`;

  test("[PO4] an echo, a web server and a port of ours come through a dead hub byte for byte", async () => {
    writeFileSync(join(here, "server.cjs"), SERVER);
    await holdfast("cp", join(here, "server.cjs"), "demo:server.cjs");
    void inside("setsid node server.cjs >/dev/null 2>&1 & sleep 0.1");
    await until(async () => /^\d+$/.test(await inside("cat echo.port")));
    const port = await inside("cat echo.port");
    const ours = createServer((socket) => socket.end("from here"));
    await new Promise<void>((resolve) => ours.listen(0, "127.0.0.1", resolve));
    const own = (ours.address() as AddressInfo).port;
    // The first line is cut soon, so that the hub dies while the echo is under way.
    proxy.cutsLeft = 1;
    const rules = [`0:${port}`, `${here}/web.sock:~/web.sock`, "-R", `0:127.0.0.1:${own}`];
    const forward = spawn(process.execPath, [bin, "forward", "demo", ...rules, "--json"], {
      env: settings(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.push(forward);
    const said = await waitForText(forward, '"reverse":true');
    const [local = 0, there = 0] = [...said.matchAll(/"listen":"127\.0\.0\.1:(\d+)"/g)].map(
      (match) => Number(match[1]),
    );
    const data = randomBytes(BYTES);
    const cutting = whileCutting([killHub]);
    const socket = connect({ port: local, host: "127.0.0.1", allowHalfOpen: true });
    socket.end(data);
    const back = createHash("sha256");
    for await (const bytes of socket as AsyncIterable<Buffer>) back.update(bytes);
    await cutting;
    expect(back.digest("hex")).toBe(sha256(data));
    expect(await pageOf(`${here}/web.sock`)).toBe("hello /x");
    const ask = `node -e 'require("net").connect(${there}, "127.0.0.1").pipe(process.stdout)'`;
    expect(await inside(ask)).toBe("from here");
    const taken = await holdfast("forward", "demo", `${own}:80`);
    expect([taken.exitCode, taken.stderr]).toEqual([1, expect.stringContaining("in use")]);
    const exit = exitOf(forward);
    forward.kill("SIGINT");
    expect(await exit).toBe(130);
    ours.close();
  });
});

function pageOf(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ socketPath, path: "/x" }, (response) => {
      let text = "";
      response.on("data", (bytes: Buffer) => (text += bytes.toString()));
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });
}
