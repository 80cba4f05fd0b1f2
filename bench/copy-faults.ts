/**
 * `node bench/copy-faults.ts [MIB]`: `holdfast cp` of a large file each way, while five hubs are
 * killed, 25 lines are cut, hub and driver are frozen and the sandbox paused, each way. Ends with 1
 * when a hash differs or a fault did not come. All are real processes; the load is printed. How
 * fast it is otherwise: `npm run bench -- copy`.
 */
import { createHash } from "node:crypto";
import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { BreakageRig, type Fault } from "../test/e2e/breakage-kit.ts";
import { bin, runProgram } from "../test/e2e/cli-kit.ts";
import { writeRandom } from "./random-file.ts";

const MIB = 1024 * 1024;
const CUTS = 25;
const KILLS: readonly Fault[] = Array<Fault>(5).fill("hubKill");
const FAULTS: readonly Fault[] = [...KILLS, "freeze", "hubFreeze", "pause"];

const bytes = Number(process.argv[2] ?? 1024) * MIB;
const here = mkdtempSync(join(tmpdir(), "hfb-"));
const rig = await BreakageRig.open("bench");

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of createReadStream(path) as AsyncIterable<Buffer>) hash.update(part);
  return hash.digest("hex");
}

async function copy(from: string, to: string): Promise<void> {
  const end = await runProgram(process.execPath, [bin, "cp", from, to, "--json"], rig.env());
  if (end.exitCode !== 0) throw new Error(`cp ended with ${end.exitCode}: ${end.stderr}`);
}

async function torture(from: string, to: string): Promise<void> {
  const beganAtMs = performance.now();
  const copying = copy(from, to);
  const { struck } = await rig.whileBreaking({ faults: FAULTS, cuts: CUTS, bytes }, copying);
  const seconds = ((performance.now() - beganAtMs) / 1_000).toFixed(1);
  console.log(
    `${from} -> ${to}: ${seconds} s, ${KILLS.length} hubs killed, ${struck.cuts} lines cut`,
  );
  if (struck.faultsMissing === 0 && struck.cuts >= CUTS) return;
  console.log(`${struck.faultsMissing} faults and ${CUTS - struck.cuts} cuts are missing`);
  process.exitCode = 1;
}

try {
  await writeRandom(join(here, "in"), bytes);
  console.log(`${bytes / MIB} MiB, load ${loadavg()[0]?.toFixed(1) ?? "?"}`);
  await torture(join(here, "in"), "demo:in");
  await torture("demo:in", join(here, "out"));
  const expected = await hashOf(join(here, "in"));
  const there = (await rig.inside("sha256sum in")).split(" ")[0];
  const same = [there, await hashOf(join(here, "out"))].every((hash) => hash === expected);
  console.log(same ? `equal: sha256 ${expected}` : "NOT EQUAL");
  if (!same) process.exitCode = 1;
  console.log(`load at the end ${loadavg()[0]?.toFixed(1) ?? "?"}`);
} finally {
  await rig.close();
  rmSync(here, { recursive: true, force: true });
}
