/**
 * `node bench/hub-kills.ts [KILLS [SEED]]`: the hub killed -9 at random instants of create, resume
 * and heal, 200 times unless told otherwise. Prints the figures; ends with 1 when a promise broke.
 */
import { DrillRig } from "../test/e2e/drill-rig.ts";
import { runKills } from "../test/e2e/kill-run.ts";

const kills = Number(process.argv[2] ?? 200);
const seed = process.argv[3] ?? "1";
const startedAt = performance.now();
const rig = await DrillRig.open();
try {
  const figures = await runKills(rig, { kills, seed }, (said) => {
    process.stderr.write(`${said}\n`);
  });
  const { restartMs, ...rest } = figures;
  const sorted = [...restartMs].sort((a, b) => a - b);
  const tookS = Math.round((performance.now() - startedAt) / 1000);
  const restart = {
    medianMs: Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0),
    worstMs: Math.round(sorted.at(-1) ?? 0),
  };
  process.stdout.write(`${JSON.stringify({ seed, tookS, restart, ...rest }, null, 2)}\n`);
  const broken = [rest.deadlinesMoved, rest.doubled, rest.unsettled, rest.orphans].flat();
  process.exitCode = broken.length === 0 ? 0 : 1;
} finally {
  await rig.close();
}
