/** `holdfast control` and `platform status` on the real local platform, well and told to fail. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PlatformReport } from "../../src/client/api-types.ts";
import type { PlatformControl } from "../../src/client/platform-types.ts";
import { makeCliHome, type CliHome } from "./cli-kit.ts";

let cli: CliHome;
beforeAll(async () => {
  cli = await makeCliHome();
  const up = await cli.run(["up", "--detach", "--platform-faults", "on"]);
  if (up.exitCode !== 0) throw new Error(up.stderr);
});
afterAll(() => cli.close());

const status = async (): Promise<PlatformReport> =>
  JSON.parse((await cli.run(["platform", "status", "--json"])).stdout) as PlatformReport;

async function control(): Promise<{ exitCode: number | null; told: PlatformControl }> {
  const { exitCode, stdout } = await cli.run(["control", "--json"]);
  return { exitCode, told: JSON.parse(stdout) as PlatformControl };
}

/** Names of control sandboxes that the platform itself lists. */
async function controls(): Promise<readonly string[]> {
  const info = await cli.run(["platform", "info", "--json"]);
  const { apiUrl, apiKey } = JSON.parse(info.stdout) as { apiUrl: string; apiKey: string };
  const response = await fetch(`${apiUrl}/sandbox?limit=100`, {
    headers: { authorization: `Bearer ${apiKey}` },
  });
  const { items } = (await response.json()) as { items: { name: string }[] };
  return items.map(({ name }) => name).filter((name) => name.startsWith("holdfast-control-"));
}

/** Runs with a fault of the platform switched on, and ends it whatever happened. */
async function during<T>(fault: readonly string[], work: () => Promise<T>): Promise<T> {
  const begun = await cli.run(["chaos", "--all", ...fault]);
  if (begun.exitCode !== 0) throw new Error(begun.stderr);
  try {
    return await work();
  } finally {
    await cli.run(["chaos", "clear"]);
  }
}

describe("holdfast control", () => {
  test("[GU7] a platform that works: every step, exit 0, nothing left behind", async () => {
    const { exitCode, stdout, stderr } = await cli.run(["control"]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^platform-ok: a fresh control sandbox did everything/);
    for (const step of ["create", "write", "exec", "pause", "resume", "read", "delete"]) {
      expect(stderr).toMatch(new RegExp(`✓ ${step} +\\d`));
    }
    const doctor = await cli.run(["doctor"]);
    expect(doctor.stdout).toMatch(/leftovers/);
    expect((await status()).control).toMatchObject({ verdict: "platform-ok", leftovers: 0 });
  });

  test.for([
    ["exec-500", "exec", "ExecBroken"],
    ["files-missing", "write", /^Filesystem/],
    ["pause-error", "pause", /.+/],
    ["api-503", "create", "PlatformDown"],
  ] as const)("[GU7] %s: red, and the step %s is named, exit 6", async ([fault, step, code]) => {
    const { exitCode, told } = await during([fault], control);
    expect([exitCode, told.verdict, told.failed?.step]).toEqual([6, "platform-broken", step]);
    expect(told.failed?.code).toMatch(code);
  });

  test("[GU8] a platform that refuses to pause is not broken", async () => {
    const { told } = await during(["pause-refused"], control);
    expect(told.steps.find(({ name }) => name === "pause")?.outcome).toBe("skipped");
    expect(told.verdict).toBe("platform-ok");
  });

  test("[GU8] a platform without a free runner could not tell: exit 6, and the step is named", async () => {
    const { exitCode, told } = await during(["start-error"], control);
    expect([exitCode, told.verdict, told.failed?.step]).toEqual([6, "unknown", "resume"]);
    expect(told.failed?.code).toBe("PlatformQuota");
  });

  test("[GU6] a 429 with Daytona's header holds the calls that it is about", async () => {
    const { told } = await during(["api-429", "--delay", "1s"], control);
    expect(told).toMatchObject({ verdict: "unknown", failed: { code: "PlatformRateLimited" } });
    const { rate } = await status();
    expect(rate?.last429?.scope).toMatch(/^(authenticated|sandbox-)/);
  });

  test("[GU10] what a control sandbox left behind is gone within a minute", async () => {
    const { told } = await during(["delete-409"], control);
    expect(told).toMatchObject({ verdict: "platform-broken", failed: { step: "delete" } });
    expect(told.deleted).toBe(false);
    expect(await controls()).toHaveLength(1);
    const beganAtMs = performance.now();
    while ((await controls()).length > 0) {
      if (performance.now() - beganAtMs > 60_000) throw new Error("it is still there");
      await new Promise((next) => setTimeout(next, 500));
    }
  });
});
