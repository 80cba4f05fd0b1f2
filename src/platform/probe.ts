/** Finds out what works on this machine by doing it once, with a sandbox that nobody sees. */
import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { uidOf } from "./host.ts";
import type { Host } from "./host.ts";
import { missingPart } from "./isolation/choose.ts";
import { prepareRoot, removeRoot } from "./isolation/root-tree.ts";
import type { Launcher, RootKind } from "./isolation/tier.ts";
import { mountOverlay, unmount } from "./kernel/mounts.ts";
import { textOf } from "./outcome.ts";
import { newRecord, parseCreate } from "./sandbox/create-request.ts";
import { dirOf, endProcesses, startProcesses, treeOf } from "./sandbox/processes.ts";

/** Far above any number that a sandbox gets, so that the probe shares no user with one. */
const PROBE_NUMBER = 60_000;

type Base = Omit<Host, "launcher" | "rootKind">;

export async function overlayWorks(base: Base): Promise<boolean> {
  const dir = join(base.paths.roots, `probe-${process.pid}`);
  const [upper, work, merged] = ["upper", "work", "merged"].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [upper, work, merged]) mkdirSync(path, { recursive: true });
  const problem = await mountOverlay("holdfast-probe", base.lower, upper, work, merged);
  if (problem === undefined) await unmount(merged);
  rmSync(dir, { recursive: true, force: true });
  return problem === undefined;
}

/** Undefined when a sandbox of this tier started and its daemon answered; else the reason. */
export async function probeTier(
  base: Base,
  launcher: Launcher,
  isolatedRoot: RootKind,
): Promise<string | undefined> {
  const missing = await missingPart(launcher.tier);
  if (missing !== undefined) return missing;
  const rootKind = launcher.tier === "process" ? "none" : isolatedRoot;
  const host: Host = { ...base, launcher, rootKind };
  const wish = parseCreate({ name: `probe-${randomUUID()}` });
  if (!wish.ok) return wish.refusal.message;
  const { lower, network } = base;
  const around = {
    organizationId: "probe",
    number: PROBE_NUMBER,
    snapshotName: "probe",
    rootKind,
    lower,
    network,
  };
  const record = newRecord(wish.value, { ...around, tier: launcher.tier }, Date.now());
  try {
    mkdirSync(dirOf(host, record.id), { recursive: true, mode: 0o755 });
    prepareRoot(treeOf(host, record), uidOf(host, PROBE_NUMBER), "probe");
    const reason = await startProcesses(host, record);
    const problem = await endProcesses(host, record);
    return reason ?? problem;
  } catch (error) {
    return textOf(error);
  } finally {
    removeRoot(treeOf(host, record));
  }
}
