/** Simulated worlds of several hubs, many of them, and each planted mistake that must be found. */
import { availableParallelism } from "node:os";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { clusterPlants, type ClusterPlant } from "../../src/testing/sim/cluster-plants.ts";
import { ClusterWorld } from "../../src/testing/sim/cluster-world.ts";
import { CreatesWorld } from "../../src/testing/sim/creates-world.ts";
import type { Figures } from "./figures.ts";

const PLANT_SEEDS = 2_000;
/** A world of creates takes as long as nine others. */
const SEEDS_PER_CREATES = 40;

type Kind = "hubs" | "creates";

/** Every `step`th world from the first; with a planted mistake, until one is broken by it. */
interface Share {
  readonly kind: Kind;
  readonly first: number;
  readonly step: number;
  readonly seeds: number;
  readonly plant: ClusterPlant | null;
}
const TITLES: Readonly<Record<Kind, readonly [worlds: string, each: string]>> = {
  hubs: ["simulated worlds of several hubs", "simulated worlds"],
  creates: ["simulated worlds of creates at several hubs", "creates of simulated worlds"],
};
interface Found {
  readonly broken: readonly { readonly seed: number; readonly wrong: readonly string[] }[];
  readonly counts: Readonly<Record<string, number>>;
}

export async function measureSeeds(seeds: number, figures: Figures): Promise<void> {
  await measureKind("hubs", seeds, figures);
  await measureCreates(Math.ceil(seeds / SEEDS_PER_CREATES), figures);
  for (const plant of clusterPlants) {
    const share = { kind: "hubs", first: 1, step: 1, seeds: PLANT_SEEDS, plant } as const;
    const seed = (await runShare(share)).broken[0]?.seed ?? Infinity;
    figures.atMost(`planted ${plant}: found at seed`, seed, PLANT_SEEDS);
  }
}

export function measureCreates(seeds: number, figures: Figures): Promise<void> {
  return measureKind("creates", seeds, figures);
}

async function measureKind(kind: Kind, seeds: number, figures: Figures): Promise<void> {
  const step = availableParallelism();
  const firsts = Array.from({ length: step }, (_, at) => at + 1);
  const run = (first: number): Promise<Found> =>
    runShare({ kind, first, step, seeds, plant: null });
  const found = await Promise.all(firsts.map(run));
  const broken = found.flatMap((one) => one.broken);
  for (const { seed, wrong } of broken) process.stderr.write(`${seed}: ${wrong.join("; ")}\n`);
  const [worlds, what] = TITLES[kind];
  figures.tell(worlds, seeds);
  figures.atMost(`${worlds} in which a promise broke`, broken.length, 0);
  const sums = new Map<string, number>();
  for (const { counts } of found) {
    for (const [name, n] of Object.entries(counts)) sums.set(name, (sums.get(name) ?? 0) + n);
  }
  for (const [name, n] of sums) figures.tell(`${what}: ${name}`, n, "above 0", n > 0);
}

function runShare(share: Share): Promise<Found> {
  const worker = new Worker(new URL(import.meta.url), { workerData: share });
  return new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
}

function run({ kind, first, step, seeds, plant }: Share): Found {
  const broken: Found["broken"][number][] = [];
  const counts: Record<string, number> = {};
  for (let seed = first; seed <= seeds; seed += step) {
    const world = kind === "creates" ? new CreatesWorld(seed) : new ClusterWorld(seed, plant);
    const { wrong, counts: seen } = world.run();
    if (wrong.length > 0) broken.push({ seed, wrong });
    for (const [what, n] of Object.entries(seen)) counts[what] = (counts[what] ?? 0) + n;
    if (plant !== null && broken.length > 0) break;
  }
  return { broken, counts };
}

// Worlds run in an immediate: inside a module's own turn theirs would wait for it.
if (!isMainThread) setImmediate(() => parentPort?.postMessage(run(workerData as Share)));
