/**
 * Plants every bug in turn and hunts it. Ends with 1 when one survives. Run by `npm run plants`;
 * `npm run plants -- ID…` hunts only those.
 */
import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { plants, type Plant } from "./planted.ts";
import { createsPlants } from "./planted-creates.ts";
import { streamPlants } from "./planted-streams.ts";

const SEEDS_MAX = 2_000;
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

interface Catch {
  /** A number, or the kept file that caught it. */
  readonly seed: number | string | null;
  readonly invariant?: string;
  readonly text?: string;
}

function hunt(plant: Plant): Promise<Catch> {
  const args = ["--import", here("plant-hooks.ts"), here("hunt.ts"), "1", String(SEEDS_MAX)];
  return new Promise((resolve, reject) => {
    const env = { ...process.env, HOLDFAST_PLANT: plant.id };
    execFile(process.execPath, args, { env, timeout: 300_000 }, (error, stdout, stderr) => {
      if (stdout.trim() !== "") resolve(JSON.parse(stdout) as Catch);
      else reject(new Error(`${plant.id}: ${stderr.trim() || (error?.message ?? "no answer")}`));
    });
  });
}

const wanted = process.argv.slice(2);
const all = [...plants, ...streamPlants, ...createsPlants];
const unknown = wanted.filter((id) => !all.some((plant) => plant.id === id));
if (unknown.length > 0) {
  console.error(`no plant is called ${unknown.join(", ")}; there are:`);
  console.error(all.map(({ id }) => `  ${id}`).join("\n"));
  process.exit(2);
}
const queue = all.filter(({ id }) => wanted.length === 0 || wanted.includes(id));
const planted = queue.length;
const survived: string[] = [];
const worker = async (): Promise<void> => {
  for (let plant = queue.shift(); plant !== undefined; plant = queue.shift()) {
    const { seed, invariant, text } = await hunt(plant);
    if (seed === null) survived.push(plant.id);
    const outcome = seed === null ? "SURVIVED" : `seed ${seed}, ${invariant ?? ""}: ${text ?? ""}`;
    console.log(`${plant.id.padEnd(30)} ${outcome.slice(0, 120)}`);
  }
};
await Promise.all(Array.from({ length: availableParallelism() }, worker));
console.log(
  `${planted} planted, ${survived.length} survived${survived.map((id) => ` ${id}`).join("")}`,
);
process.exitCode = survived.length === 0 ? 0 : 1;
