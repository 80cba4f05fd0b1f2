/**
 * A session whose sandbox the platform put into its archive while it slept, woken by a hub that
 * finds it there: all processes real, and the way out of the archive takes longer than a call.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { DrillRig } from "./drill-rig.ts";
import { api, toolbox } from "./platform-kit.ts";

/** Longer than what counts as stuck for a start, and shorter than for what is being restored. */
const restoreMs = 4_000;
const stallMs = 2_000;

describeWhere([needs.linux], "a sandbox in the archive", () => {
  let rig: DrillRig;
  beforeAll(async () => {
    rig = await DrillRig.open({ stallMs });
  });
  afterAll(() => rig.close());

  const run = async (sandboxId: string, command: string): Promise<string> => {
    const response = await toolbox(rig.platform, sandboxId, "/process/execute", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ command, timeout: 10 }),
    });
    return ((await response.json()) as { result: string }).result;
  };
  const reach = async (sandboxId: string, verb: string, state: string): Promise<void> => {
    await api(rig.platform, `/sandbox/${sandboxId}/${verb}`, { method: "POST" });
    await until(async () => {
      const answer = await api(rig.platform, `/sandbox/${sandboxId}`);
      return ((await answer.json()) as { state: string }).state === state;
    });
  };

  test("[SM63] is started by the hub, which tells how far it is, with its files", async () => {
    const session = await rig.connected("cold");
    const sandboxId = session.sandboxId ?? "";
    await run(sandboxId, "echo kept > ~/work");
    await rig.hub.ask("POST", "/sessions/cold/pause?wait=20");
    await reach(sandboxId, "stop", "stopped");
    await reach(sandboxId, "archive", "archived");
    await rig.on("start-stuck", { sandbox: sandboxId, delayMs: restoreMs });
    const said = new Set<string>();
    const resumed = rig.hub.ask("POST", "/sessions/cold/resume?wait=40");
    const look = async (): Promise<boolean> => {
      const { claim, state, detail } = await rig.hub.health("cold");
      said.add(`${detail}: ${claim.state ?? ""}`);
      return state === "connected";
    };
    await until(look);
    expect([...said]).toContain("resuming.watching: restoring");
    expect(await resumed).toMatchObject({ state: "connected", sandboxId, epoch: 2 });
    expect(await run(sandboxId, "cat ~/work")).toContain("kept");
    const told = (await rig.timeline("cold")).map(({ kind }) => kind);
    expect(told).not.toContain("sandbox.discarded");
  });
});
