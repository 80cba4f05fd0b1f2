/** The conformance suite against the local platform, and which of the SDK's methods it called. */
import * as sdk from "@daytonaio/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import {
  areas,
  runChecks,
  SANDBOXES_MAX,
  uncovered,
  type Report,
} from "../../src/conformance/index.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { makeDataDir, startPlatform, stopPlatform, type StartedPlatform } from "./platform-kit.ts";

/** What this platform says that it has not, and what cannot be looked at on it. */
const without: readonly string[] = ["preview.ssh", "session.entrypoint"];

/** What the SDK is made of, without what it calls only itself. */
const classes = ["Daytona", "FileSystem", "Git", "Process", "PtyHandle"];
const inner = [
  ...["constructor", "exitCode", "error", "ensureToolboxProxyUrl", "makeFilePayload"],
  ...["execRequestOptions", "resolveConnection", "rejectConnection", "resolveExit"],
  ...["setupWebSocketHandlers", "buildAnalyticsTelemetryApi", "subscribeToEvents"],
  ...["ensureSubscribed", "handleEvent", "waitForState", "processSandboxDto", "refreshDataSafe"],
  ...["applyState", "checkStateWaiter", "removeStateWaiter", "ensureSigningKey"],
  ...["waitForSnapshotComplete", "waitForResizeComplete"],
];

/** Every public method by its name, and those that were called since. */
function watchCalls(): { all: string[]; called: Set<string> } {
  const called = new Set<string>();
  const all: string[] = [];
  for (const [name, value] of Object.entries(sdk)) {
    if (typeof value !== "function" || ![...classes, "Sandbox"].includes(name)) continue;
    const prototype = value.prototype as Record<string, unknown>;
    for (const [method, { value: work }] of Object.entries(
      Object.getOwnPropertyDescriptors(prototype),
    )) {
      if (typeof work !== "function" || inner.includes(method)) continue;
      const id = `${name}.${method}`;
      all.push(id);
      prototype[method] = function (this: unknown, ...args: unknown[]): unknown {
        called.add(id);
        return (work as (...words: unknown[]) => unknown).apply(this, args);
      };
    }
  }
  return { all, called };
}

describeWhere([needs.linux, needs.root, needs.python], "the conformance suite", () => {
  let platform: StartedPlatform;
  let report: Report;
  const watched = watchCalls();

  beforeAll(async () => {
    platform = await startPlatform(makeDataDir());
    const { apiUrl, apiKey } = platform;
    const target = { apiUrl, apiKey, target: "local" };
    report = await runChecks(areas, { target, clock: systemClock, run: "ci" });
  });
  afterAll(() => stopPlatform(platform));

  test("finds no difference, and nothing missing but what the platform says it has not", () => {
    expect(report.results.filter(({ outcome }) => outcome === "fail")).toEqual([]);
    const others = report.results.filter(({ outcome }) => outcome !== "pass");
    expect(others.map(({ id }) => id)).toEqual(without);
    expect(report.results).toHaveLength(areas.flat().length);
  });

  test("leaves nothing behind", () => {
    expect(report.left).toEqual([]);
    expect(report.sandboxes).toBeGreaterThan(0);
    expect(report.sandboxes).toBeLessThanOrEqual(SANDBOXES_MAX);
  });

  test("calls every method of the SDK that it does not say it leaves out", () => {
    const untouched = watched.all.filter((method) => !watched.called.has(method));
    const unexplained = untouched.filter((method) => uncovered[method] === undefined);
    expect(unexplained).toEqual([]);
    const stale = Object.keys(uncovered).filter((method) => watched.called.has(method));
    expect(stale).toEqual([]);
  });
});

test("checks have names of their own and sentences", () => {
  const checks = areas.flat();
  expect(new Set(checks.map(({ id }) => id)).size).toBe(checks.length);
  expect(checks.length).toBeGreaterThan(90);
  for (const { id, about } of checks) {
    expect(id).toMatch(/^[a-z]+\.[a-z0-9-]+$/);
    expect(about.length).toBeGreaterThan(15);
  }
});
