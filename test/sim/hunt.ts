/** Runs seeds until one breaks an invariant; prints which. Usage: hunt.ts FIRST COUNT */
import { readdirSync, readFileSync } from "node:fs";
import { CreatesWorld } from "../../src/testing/sim/creates-world.ts";
import { readReplay } from "../../src/testing/sim/seed-file.ts";
import { runStreamSeed } from "../../src/testing/sim/stream-simulate.ts";
import { runPlan, runSeed } from "../../src/testing/sim/simulate.ts";

const first = Number(process.argv[2] ?? 1);
const count = Number(process.argv[3] ?? 2_000);
const KEPT = new URL("../seeds/", import.meta.url);
const planted = process.env["HOLDFAST_PLANT"] ?? "";

interface Broken {
  readonly invariant?: string;
  readonly text: string;
}

/** Bugs of streams, and of creates at several hubs, are hunted where these are. */
function run(seed: number): readonly Broken[] {
  if (planted.startsWith("stream-")) return runStreamSeed(seed).violations;
  if (!planted.startsWith("creates-")) return runSeed(seed).violations;
  return new CreatesWorld(seed).run().wrong.map((text) => ({ text }));
}

setImmediate(() => {
  for (let seed = first; seed < first + count; seed++) {
    const [violation] = run(seed);
    if (violation === undefined) continue;
    process.stdout.write(`${JSON.stringify({ seed, ...violation })}\n`);
    return;
  }
  // What once broke is hunted, too: a rare bug is caught by the file that was kept of it.
  for (const name of readdirSync(KEPT)) {
    const { plan } = readReplay(readFileSync(new URL(name, KEPT), "utf8"), name);
    const [violation] = runPlan(plan).violations;
    if (violation === undefined) continue;
    process.stdout.write(`${JSON.stringify({ seed: name, ...violation })}\n`);
    return;
  }
  process.stdout.write(`${JSON.stringify({ seed: null })}\n`);
});
