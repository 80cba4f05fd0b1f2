/**
 * What a person has running survives whatever dies in between: the real command, a hub that is
 * killed, a client's line that is cut, a driver that is frozen, a sandbox that is paused. Bytes are
 * compared by hash, runs are counted.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seededRandom } from "../../src/base/random.ts";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { bin } from "./cli-kit.ts";
import { RealHub, TOKEN } from "./hub-kit.ts";
import {
  makeDataDir,
  startPlatform,
  stopPlatform,
  toolbox,
  type StartedPlatform,
} from "./platform-kit.ts";

const LINES = 2_000_000;
/** Long enough for the driver to notice that it did not run, and to dial anew. */
const FREEZE_MS = 3_500;

describeWhere([needs.linux], "a command that runs while everything breaks", () => {
  let platform: StartedPlatform;
  let hub: RealHub;
  let proxy: CuttingProxy;
  let sandboxId: string;

  beforeAll(async () => {
    platform = await startPlatform(makeDataDir());
    hub = new RealHub(platform);
    await hub.start();
    proxy = new CuttingProxy(() => Number(new URL(hub.url).port), seededRandom("cuts"));
    await proxy.listen();
    const session = await hub.ask("POST", "/sessions?wait=30", { name: "demo" });
    sandboxId = session.sandboxId ?? "";
  });
  afterAll(async () => {
    await proxy.close();
    await hub.ask("DELETE", `/sessions/demo?wait=20`);
    await hub.remove();
    await stopPlatform(platform);
  });

  /** Runs a command in the sandbox behind the hub's back. */
  const inside = async (command: string): Promise<string> => {
    const response = await toolbox(platform, sandboxId, "/process/execute", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ command, timeout: 20 }),
    });
    return ((await response.json()) as { result: string }).result;
  };

  const killHub = async (): Promise<void> => {
    await hub.kill("SIGKILL");
    await hub.start();
  };
  const freezeDriver = async (): Promise<void> => {
    const pid = /"pid": *(\d+)/.exec(await inside("cat ~/.holdfast/ready.json"))?.[1] ?? "";
    await inside(`kill -STOP ${pid}; sleep ${FREEZE_MS / 1_000}; kill -CONT ${pid}`);
  };
  const pauseSandbox = async (): Promise<void> => {
    await hub.ask("POST", "/sessions/demo/pause?wait=20");
    await hub.ask("POST", "/sessions/demo/resume?wait=30");
  };

  /** `holdfast exec`, with a fault each time that another part of the output was read. */
  async function exec(
    argv: readonly string[],
    options: {
      readonly faults: readonly (() => Promise<void>)[];
      readonly everyBytes: number;
      readonly input?: Buffer;
    },
  ) {
    const env = {
      ...process.env,
      HOLDFAST_URL: `http://127.0.0.1:${proxy.port}`,
      HOLDFAST_TOKEN: TOKEN,
      HOLDFAST_HOME: hub.home,
    };
    const child = spawn(process.execPath, [bin, "exec", "demo", "--", ...argv], {
      env,
      stdio: ["pipe", "pipe", "pipe"],
    });
    const hash = createHash("sha256");
    const faults = [...options.faults];
    let bytes = 0;
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input);
    const exitCode = new Promise<number | null>((resolve) => child.on("exit", resolve));
    let nextAt = options.everyBytes;
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
      if (bytes < nextAt) continue;
      nextAt += options.everyBytes;
      await faults.shift()?.();
    }
    return {
      exitCode: await exitCode,
      bytes,
      sha256: hash.digest("hex"),
      stderr,
      faultsLeft: faults.length,
    };
  }

  test("[ST1] 2,000,000 lines through dead hubs, cuts, a freeze and a pause", async () => {
    const expected = createHash("sha256");
    let expectedBytes = 0;
    for (let n = 1; n <= LINES; n += 1_000) {
      const lines = Array.from({ length: 1_000 }, (_, i) => `${n + i}\n`).join("");
      expected.update(lines);
      expectedBytes += lines.length;
    }
    proxy.cutsLeft = 9;
    const cutsBefore = proxy.cuts;
    const startedAt = performance.now();
    const end = await exec(["sh", "-c", `echo run >> runs; exec seq 1 ${LINES}`], {
      faults: [killHub, freezeDriver, pauseSandbox, killHub],
      everyBytes: 2_500_000,
    });
    console.log(`${end.bytes} bytes in ${Math.round(performance.now() - startedAt)} ms`);
    expect(end.stderr).toBe("");
    expect([end.exitCode, end.bytes, end.faultsLeft]).toEqual([0, expectedBytes, 0]);
    expect(end.sha256).toBe(expected.digest("hex"));
    expect(proxy.cuts - cutsBefore).toBeGreaterThan(5);
    expect((await inside("cat ~/runs")).trim()).toBe("run");
  });

  test("[ST1] 4 MB in and back through cuts and a dead hub, with the exit code of the command", async () => {
    const input = Buffer.alloc(4 * 1024 * 1024);
    for (let at = 0; at < input.length; at += 4) input.writeUInt32LE((at * 2654435761) >>> 0, at);
    proxy.cutsLeft = 5;
    const end = await exec(["sh", "-c", "cat; exit 7"], {
      faults: [killHub],
      everyBytes: 1_500_000,
      input,
    });
    expect(end.stderr).toBe("");
    expect([end.exitCode, end.bytes]).toEqual([7, input.length]);
    expect(end.sha256).toBe(createHash("sha256").update(input).digest("hex"));
  });
});
