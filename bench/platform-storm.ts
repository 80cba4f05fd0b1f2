/**
 * `node bench/platform-storm.ts [CREATES [SEED]]`: 200 creates at once unless told otherwise, a
 * fifth of them with faults. Prints how each ended and what is left; ends with 1 when anything is.
 */
import { makeDataDir, startPlatform, stopPlatform } from "../test/e2e/platform-kit.ts";
import { runStorm } from "../test/e2e/storm-run.ts";

const creates = Number(process.argv[2] ?? 200);
const platform = await startPlatform(makeDataDir(), ["--faults", "on"]);
try {
  const { createMs, ...figures } = await runStorm(platform, creates, process.argv[3] ?? "1");
  const at = (part: number): number => createMs[Math.floor((createMs.length - 1) * part)] ?? 0;
  const created = { medianMs: at(0.5), p90Ms: at(0.9), worstMs: at(1) };
  process.stdout.write(`${JSON.stringify({ ...figures, created }, null, 2)}\n`);
  const ended = Object.values(figures.ends).reduce((sum, count) => sum + count, 0);
  const nothing = JSON.stringify({ sandboxes: 0, processes: 0, mounts: 0, cgroups: 0 });
  const isClean = figures.left.length === 0 && JSON.stringify(figures.counts) === nothing;
  process.exitCode = ended === creates && isClean ? 0 : 1;
} finally {
  await stopPlatform(platform);
}
