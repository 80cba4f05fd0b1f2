/** A program that eats the memory of its sandbox, started through the hub: who dies, who stays. */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { DrillRig } from "./drill-rig.ts";
import { api } from "./platform-kit.ts";

/**
 * Each smaller than driver and daemon: by size alone, one of those would be ended first. They hold
 * what they have until the first of them is ended, however long a busy machine takes for all.
 */
const MANY = [
  "import os, signal, time",
  "children = []",
  "for n in range(70):",
  "    children.append(os.fork())",
  "    if children[-1] == 0:",
  "        piece = b'x' * (20 << 20)",
  "        time.sleep(60)",
  "        os._exit(0)",
  "children.remove(os.wait()[0])",
  "for child in children:",
  "    os.kill(child, signal.SIGKILL)",
].join("\n");

const memoryLimits = {
  met: ["memory", "unified/cgroup.controllers", "cgroup.controllers"].some((name) =>
    existsSync(`/sys/fs/cgroup/${name}`),
  ),
  why: "needs a memory controller",
};

const wanted = [needs.linux, needs.root, needs.python, memoryLimits];

describeWhere(wanted, "where memory runs out", () => {
  let rig: DrillRig;
  beforeAll(async () => {
    rig = await DrillRig.open();
  });
  afterAll(() => rig.close());

  const oomKills = async (sandboxId: string | null): Promise<number> => {
    const answer = await api(rig.platform, `/sandbox/${sandboxId ?? ""}`);
    return ((await answer.json()) as { oomKills?: number }).oomKills ?? 0;
  };

  const driverPid = async (session: string): Promise<string> => {
    const said = (await rig.hub.health(session)).driverSays?.text ?? "";
    return /pid (\d+)/.exec(said)?.[1] ?? `no pid in: ${said}`;
  };

  test("many programs that together take all memory: some of them die, nobody else", async () => {
    const session = await rig.connected("hungry");
    const pid = await driverPid(session.id);
    const ran = rig.hub.ask<object>("POST", `/sessions/${session.id}/exec`, {
      argv: ["python3", "-c", MANY],
    });
    await until(async () => (await oomKills(session.sandboxId)) > 0);
    expect(await ran).toMatchObject({ exitCode: 0 });
    // Where all memory is fought for, a driver may be late for its link; its process lives on.
    await until(async () => (await rig.hub.health(session.id)).verdict.code === "Connected");
    expect(await driverPid(session.id)).toBe(pid);
  });
});
