/**
 * `holdfast simulate`: runs the real session machine, probes, judge and switchboard against a
 * lying platform in virtual time. Ends with 1 when a promise was broken, and says by which faults.
 */
import { availableParallelism } from "node:os";
import { runCampaign, type CampaignResult } from "../../testing/sim/campaign.ts";
import { note, print, printJson, textOption, usageError, type Cli, type Run } from "../cli.ts";

const SEEDS_DEFAULT = 1_000;
const SEEDS_MAX = 100_000_000;
/** A line per this many seeds where a moving line would only fill a log. */
const PROGRESS_EVERY = 1_000;

export const run: Run = async (cli) => {
  const count = wholeOption(cli, "seeds", SEEDS_DEFAULT);
  const first = wholeOption(cli, "seed", 1);
  const jobs = wholeOption(cli, "jobs", availableParallelism());
  const started = performance.now();
  let told = 0;
  const result = await runCampaign({
    first,
    count,
    jobs,
    onProgress: (done, broken) => {
      if (done - told < PROGRESS_EVERY && done < count) return;
      told = done;
      const perSecond = Math.round((done / (performance.now() - started)) * 1_000);
      note(cli, `${done} of ${count} seeds, ${broken} broken, ${perSecond} a second`);
    },
  });
  const seconds = (performance.now() - started) / 1_000;
  if (cli.json) printJson(cli, { ...result, seconds });
  else tell(cli, result, seconds);
  return result.broken.length === 0 ? 0 : 1;
};

function tell(cli: Cli, result: CampaignResult, seconds: number): void {
  const { seeds, faults, eventsRun, broken, trace } = result;
  for (const { seed, violations, shrunk } of broken) {
    print(cli, `seed ${seed} breaks ${violations.length} promises:`);
    for (const { invariant, atMs, text } of violations.slice(0, 5)) {
      print(cli, `  ${invariant} after ${(atMs / 1_000).toFixed(3)} s: ${text}`);
    }
    for (const { atMs, kind, target, forMs } of shrunk.faults) {
      print(cli, `  fault ${(atMs / 1_000).toFixed(3)} s ${kind} (session ${target}, ${forMs} ms)`);
    }
    print(cli, `  again: holdfast simulate --seeds 1 --seed ${seed}`);
  }
  print(cli, `${seeds} worlds of 4 minutes, ${faults} faults, ${eventsRun} events`);
  print(cli, `${broken.length} broken; ${seconds.toFixed(1)} s; trace ${trace}`);
  const rare = Object.entries(result.sometimes).sort(([a], [b]) => a.localeCompare(b));
  print(cli, `reached: ${rare.map(([name, count]) => `${name} ${count}`).join(", ")}`);
}

function wholeOption(cli: Cli, name: string, fallback: number): number {
  const text = textOption(cli, name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= SEEDS_MAX) return value;
  throw usageError(
    `--${name} is ${JSON.stringify(text)}`,
    `Give a whole number from 1 to ${SEEDS_MAX}.`,
  );
}
