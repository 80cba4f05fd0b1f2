/** Runs seeds until one breaks an invariant; prints which. Usage: hunt.ts FIRST COUNT */
import { runStreamSeed } from "../../src/testing/sim/stream-simulate.ts";
import { runSeed } from "../../src/testing/sim/simulate.ts";

const first = Number(process.argv[2] ?? 1);
const count = Number(process.argv[3] ?? 2_000);
/** Bugs of streams are hunted where streams are. */
const run = process.env["HOLDFAST_PLANT"]?.startsWith("stream-") === true ? runStreamSeed : runSeed;

setImmediate(() => {
  for (let seed = first; seed < first + count; seed++) {
    const [violation] = run(seed).violations;
    if (violation === undefined) continue;
    process.stdout.write(`${JSON.stringify({ seed, ...violation })}\n`);
    return;
  }
  process.stdout.write(`${JSON.stringify({ seed: null })}\n`);
});
