/** Simulated worlds of several hubs, many of them, and each planted mistake that must be found. */
import { availableParallelism } from "node:os";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { clusterPlants, type ClusterPlant } from "../../src/testing/sim/cluster-plants.ts";
import { ClusterWorld } from "../../src/testing/sim/cluster-world.ts";
import type { Figures } from "./figures.ts";

const PLANT_SEEDS = 2_000;

/** Every `step`th world from the first; with a planted mistake, until one is broken by it. */
interface Share {
  readonly first: number;
  readonly step: number;
  readonly seeds: number;
  readonly plant: ClusterPlant | null;
}
interface Found {
  readonly broken: readonly { readonly seed: number; readonly wrong: readonly string[] }[];
  readonly counts: Readonly<Record<string, number>>;
}

export async function measureSeeds(seeds: number, figures: Figures): Promise<void> {
  const step = availableParallelism();
  const firsts = Array.from({ length: step }, (_, at) => at + 1);
  const run = (first: number): Promise<Found> => runShare({ first, step, seeds, plant: null });
  const found = await Promise.all(firsts.map(run));
  const broken = found.flatMap((one) => one.broken);
  for (const { seed, wrong } of broken) process.stderr.write(`${seed}: ${wrong.join("; ")}\n`);
  figures.tell("simulated worlds of several hubs", seeds);
  figures.atMost("simulated worlds in which a promise broke", broken.length, 0);
  const sums = new Map<string, number>();
  for (const { counts } of found) {
    for (const [what, n] of Object.entries(counts)) sums.set(what, (sums.get(what) ?? 0) + n);
  }
  for (const [what, n] of sums) figures.tell(`simulated worlds: ${what}`, n, "above 0", n > 0);
  for (const plant of clusterPlants) {
    const hunt = await runShare({ first: 1, step: 1, seeds: PLANT_SEEDS, plant });
    const seed = hunt.broken[0]?.seed ?? Infinity;
    figures.atMost(`planted ${plant}: found at seed`, seed, PLANT_SEEDS);
  }
}

function runShare(share: Share): Promise<Found> {
  const worker = new Worker(new URL(import.meta.url), { workerData: share });
  return new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
}

function run({ first, step, seeds, plant }: Share): Found {
  const broken: Found["broken"][number][] = [];
  const counts: Record<string, number> = {};
  for (let seed = first; seed <= seeds; seed += step) {
    const { wrong, counts: seen } = new ClusterWorld(seed, plant ?? undefined).run();
    if (wrong.length > 0) broken.push({ seed, wrong });
    for (const [what, n] of Object.entries(seen)) counts[what] = (counts[what] ?? 0) + n;
    if (plant !== null && broken.length > 0) break;
  }
  return { broken, counts };
}

// Worlds run in an immediate: inside a module's own turn theirs would wait for it.
if (!isMainThread) setImmediate(() => parentPort?.postMessage(run(workerData as Share)));
