/** Runs seeds until one breaks an invariant; prints which. Usage: hunt.ts FIRST COUNT */
import { runSeed } from "../../src/testing/sim/simulate.ts";

const first = Number(process.argv[2] ?? 1);
const count = Number(process.argv[3] ?? 2_000);

setImmediate(() => {
  for (let seed = first; seed < first + count; seed++) {
    const [violation] = runSeed(seed).violations;
    if (violation === undefined) continue;
    process.stdout.write(`${JSON.stringify({ seed, ...violation })}\n`);
    return;
  }
  process.stdout.write(`${JSON.stringify({ seed: null })}\n`);
});
