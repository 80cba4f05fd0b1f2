/**
 * Every fault switch under a real hub: by when the hub says it in public, and with which code. What
 * no call of a hub can meet is shown on the wire instead. The figures come by `node
 * bench/switches.ts`.
 */
import { WebSocket } from "ws";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkHubConfig, resolveConfig } from "../../src/base/config.ts";
import { writeDuration } from "../../src/base/duration.ts";
import { defaultPolicy, policyKeys, policyOf, policyTable } from "../../src/base/policy-table.ts";
import { askByName } from "../../src/conformance/local-name.ts";
import { faultNames } from "../../src/platform/faults/catalogue.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { quickPolicy } from "./detection-bounds.ts";
import { detection } from "./detection-rows.ts";
import { detectAll, type Detected } from "./detection-run.ts";
import { api, makeDataDir, sdk, startPlatform, stopPlatform } from "./platform-kit.ts";
import type { StartedPlatform } from "./platform-kit.ts";

/** More at once would only wait for each other on two cores. */
const quick = { policy: quickPolicy, waiting: 4, busy: 4, lookMs: 50, resumes: false };
/** Two minutes on a machine that is busy with other things; half a minute on one that is not. */
const longestMs = 180_000;

/** What somebody would have to set to run such a hub. */
const quickSettings = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    policyKeys.flatMap((key): [string, string][] => {
      const value: unknown = quickPolicy[key];
      if (value === defaultPolicy[key]) return [];
      const times = Array.isArray(value) ? (value as number[]) : [value as number];
      return [[policyTable[key].env, times.map((ms) => writeDuration(ms)).join(",")]];
    }),
  );

test("the paces of this test are ones that the config takes", () => {
  const sources = {
    flags: {},
    env: quickSettings(),
    file: null,
    readSecret: () => ({ problem: "none" }),
    resolvePath: (path: string) => path,
  };
  const resolved = resolveConfig(sources);
  expect(checkHubConfig(resolved).filter(({ key }) => /pace|deadlines|budgets/.test(key))).toEqual(
    [],
  );
  expect(policyOf(resolved.config)).toEqual(quickPolicy);
});

describeWhere([needs.linux, needs.root, needs.bubblewrap], "a hub says of each switch", () => {
  const results = new Map<string, Detected>();
  let met: readonly string[] | null = null;

  beforeAll(async () => {
    met = await detectAll(
      quick,
      () => true,
      (result) => results.set(result.fault, result),
    );
  }, longestMs);

  const concerning = faultNames.filter((fault) => !("apart" in detection[fault]));

  test.each(concerning)("%s", (fault) => {
    const result = results.get(fault);
    expect(result?.wrong, JSON.stringify(result)).toEqual([]);
  });

  test("what is said to meet no call of a hub met none", () => {
    expect(met).toEqual([]);
  });
});

describeWhere([needs.linux], "a switch that meets no call of a hub shows itself", () => {
  let platform: StartedPlatform;

  beforeAll(async () => {
    platform = await startPlatform(makeDataDir(), ["--faults", "on"]);
  });
  afterAll(() => stopPlatform(platform));

  const switchOn = async (fault: string, sandbox: string): Promise<void> => {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ fault, sandbox });
    const answer = await api(platform, "/_faults", { method: "POST", headers, body });
    expect([answer.status, await answer.text()]).toEqual([201, expect.stringContaining(fault)]);
  };

  test("pty-1008", async () => {
    const { id } = await sdk(platform).create({ name: "pty" });
    await switchOn("pty-1008", id);
    const url = `${platform.apiUrl.replace(/^http(.*)\/api$/, "ws$1")}/toolbox/${id}/process/pty`;
    const headers = { authorization: `Bearer ${platform.apiKey}` };
    const socket = new WebSocket(`${url}/create-connect?id=cut`, { headers });
    let bytes = 0;
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (isBinary) bytes += data.length;
      else socket.send(Buffer.from("seq 100000\n"));
    });
    const closed = await new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve(`${code} ${reason.toString()}`));
    });
    expect([closed, bytes <= 4_096]).toEqual(["1008 slow consumer", true]);
  });

  test("log-cut", async () => {
    const { id, process } = await sdk(platform).create({ name: "log" });
    await switchOn("log-cut", id);
    await process.createSession("logs");
    const request = { command: "seq 5000", runAsync: true };
    const { cmdId } = await process.executeSessionCommand("logs", request);
    const done = async (): Promise<boolean> =>
      typeof (await process.getSessionCommand("logs", cmdId)).exitCode === "number";
    await until(done);
    let streamed = "";
    const onText = (text: string): void => void (streamed += text);
    await process.getSessionCommandLogs("logs", cmdId, onText, onText);
    const whole = (await process.getSessionCommandLogs("logs", cmdId)).stdout ?? "";
    // The stream ends as if all were well; only the whole log, asked for by HTTP, tells.
    expect(whole).toHaveLength(23_893);
    expect([whole.startsWith(streamed), streamed.length < whole.length]).toEqual([true, true]);
  });

  test("preview-token-rotated", async () => {
    const { id } = await sdk(platform).create({ name: "preview" });
    const link = async (): Promise<{ readonly url: string; readonly token: string }> => {
      const answer = await api(platform, `/sandbox/${id}/ports/3000/preview-url`);
      return (await answer.json()) as { url: string; token: string };
    };
    const before = await link();
    await switchOn("preview-token-rotated", id);
    const now = await link();
    const statusFor = async ({ token }: { readonly token: string }): Promise<number> => {
      const headers = { "x-daytona-preview-token": token };
      return (await askByName(new URL(now.url), headers, 15_000)).status;
    };
    // Nobody listens on the port: who is let in is told so, the other sees the login.
    expect([await statusFor(before), await statusFor(now)]).toEqual([307, 502]);
  });
});
