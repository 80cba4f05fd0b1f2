/**
 * `holdfast simulate --streams`: real channels, links and redial over a simulated network, with
 * hubs that die, lines that break and drivers that come back from checkpoints. Ends with 1 when a
 * byte was lost, doubled or spliced, or something is stuck.
 */
import { runStreamCampaign, type StreamCampaignResult } from "../../testing/sim/stream-campaign.ts";
import { note, print, printJson, type Cli } from "../cli.ts";

/** A line per this many seeds where a moving line would only fill a log. */
const PROGRESS_EVERY = 500;

export async function simulateStreams(
  cli: Cli,
  range: { readonly first: number; readonly count: number; readonly jobs: number },
): Promise<number> {
  const started = performance.now();
  let told = 0;
  const result = await runStreamCampaign({
    ...range,
    onProgress: (done, broken) => {
      if (done - told < PROGRESS_EVERY && done < range.count) return;
      told = done;
      const perSecond = Math.round((done / (performance.now() - started)) * 1_000);
      note(cli, `${done} of ${range.count} seeds, ${broken} broken, ${perSecond} a second`);
    },
  });
  const seconds = (performance.now() - started) / 1_000;
  if (cli.json) printJson(cli, { ...result, seconds });
  else tell(cli, result, seconds);
  return result.broken.length === 0 ? 0 : 1;
}

function tell(cli: Cli, result: StreamCampaignResult, seconds: number): void {
  const { seeds, faults, eventsRun, broken, trace } = result;
  for (const { seed, violations, shrunk } of broken) {
    print(cli, `seed ${seed} breaks ${violations.length} promises:`);
    for (const { invariant, atMs, text } of violations.slice(0, 5)) {
      print(cli, `  ${invariant} after ${(atMs / 1_000).toFixed(3)} s: ${text}`);
    }
    for (const { atMs, kind, forMs } of shrunk.faults) {
      print(cli, `  fault ${(atMs / 1_000).toFixed(3)} s ${kind} (${forMs} ms)`);
    }
    print(cli, `  again: holdfast simulate --streams --seeds 1 --seed ${seed}`);
  }
  print(cli, `${seeds} worlds of streams, ${faults} faults, ${eventsRun} events`);
  print(cli, `${broken.length} broken; ${seconds.toFixed(1)} s; trace ${trace}`);
  const rare = Object.entries(result.sometimes).sort(([a], [b]) => a.localeCompare(b));
  print(cli, `reached: ${rare.map(([name, count]) => `${name} ${count}`).join(", ")}`);
}
