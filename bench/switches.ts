/**
 * Every fault switch under a real hub that is as it is shipped: no pace and no deadline is another
 * than a user has. Says of each by when the hub said it in public, with which code, and the bound:
 * of the fault catalogue, and how long it may take until the hub looks.
 *
 * `node bench/switches.ts [--quick] [WORD…]` runs those whose name has one of the words, or all, in
 * about six minutes; `--quick` with the short paces of the test. `--keep` writes the figures to
 * bench/switches.json, from which docs/FAULT-TABLE.md is made. Ends with 1 where one is missed.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { quickPolicy, shippedPolicy } from "../test/e2e/detection-bounds.ts";
import { detectAll, type Detected, type DetectionMode } from "../test/e2e/detection-run.ts";

const options = process.argv.slice(2);
const words = options.filter((word) => !word.startsWith("--"));
const has = (option: string): boolean => options.includes(`--${option}`);
/** Most of the time is spent in waiting for a patrol, so that many can do it side by side. */
const shipped: DetectionMode = {
  policy: shippedPolicy,
  waiting: 12,
  busy: 4,
  lookMs: 300,
  resumes: true,
};
const quick: DetectionMode = {
  policy: quickPolicy,
  waiting: 4,
  busy: 4,
  lookMs: 50,
  resumes: false,
};

const results: Detected[] = [];
const beganAt = Date.now();
const met = await detectAll(
  has("quick") ? quick : shipped,
  (fault) => words.length === 0 || words.some((word) => fault.includes(word)),
  (result) => {
    results.push(result);
    process.stdout.write(`${line(result)}\n`);
  },
);
for (const fault of met) process.stdout.write(`${fault}: a call of the hub met it\n`);
const missed = results.filter(({ wrong }) => wrong.length > 0);
const tookS = Math.round((Date.now() - beganAt) / 1000);
process.stdout.write(
  `${results.length - missed.length} of ${results.length} within their bounds, in ${tookS} s\n`,
);
if (has("keep")) keep();
process.exitCode = met.length > 0 || missed.length > 0 ? 1 : 0;

function line({
  fault,
  scene,
  said,
  seconds,
  withinS,
  untilLookS,
  where,
  wrong,
}: Detected): string {
  const boundS = withinS + untilLookS;
  const bound = `${boundS.toFixed(1)} s (${withinS} + ${untilLookS.toFixed(1)})`;
  const figure = seconds === null ? "never" : `${seconds.toFixed(2)} s`;
  const verdict = wrong.length === 0 ? "ok  " : "MISS";
  return [
    verdict,
    fault.padEnd(21),
    scene.padEnd(8),
    `${figure} of ${bound}`.padEnd(34),
    `${said ?? "nothing"} (${where})`,
    ...wrong,
  ].join(" ");
}

/** Those of an earlier run stay where this one did not measure anew. */
function keep(): void {
  const file = join(import.meta.dirname, "switches.json");
  const before = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  const measured = results.map(({ fault, scene, said, where, seconds }) => {
    return [`${fault} ${scene}`, { said, where, seconds }] as const;
  });
  const all = { ...before, ...Object.fromEntries(measured) };
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`);
}
