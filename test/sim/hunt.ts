/** Runs seeds until one breaks an invariant; prints which. Usage: hunt.ts FIRST COUNT */
import { readdirSync, readFileSync } from "node:fs";
import { readReplay } from "../../src/testing/sim/seed-file.ts";
import { runStreamSeed } from "../../src/testing/sim/stream-simulate.ts";
import { runPlan, runSeed } from "../../src/testing/sim/simulate.ts";

const first = Number(process.argv[2] ?? 1);
const count = Number(process.argv[3] ?? 2_000);
const KEPT = new URL("../seeds/", import.meta.url);
/** Bugs of streams are hunted where streams are. */
const run = process.env["HOLDFAST_PLANT"]?.startsWith("stream-") === true ? runStreamSeed : runSeed;

setImmediate(() => {
  for (let seed = first; seed < first + count; seed++) {
    const [violation] = run(seed).violations;
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
