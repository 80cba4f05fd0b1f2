/**
 * `holdfast simulate --streams`: real channels, links and redial over a simulated network, with
 * hubs that die, lines that break and drivers that come back from checkpoints. Ends with 1 when a
 * byte was lost, doubled or spliced, or something is stuck.
 */
import { counted } from "../../base/counted.ts";
import { runStreamCampaign, type StreamCampaignResult } from "../../testing/sim/stream-campaign.ts";
import { note, print, printJson, type Cli } from "../cli.ts";
import { runSeeds } from "./simulate-run.ts";

export async function simulateStreams(
  cli: Cli,
  range: { readonly first: number; readonly count: number; readonly jobs: number },
): Promise<number> {
  const end = await runSeeds(cli, range, runStreamCampaign);
  const { result, seconds, interrupted } = end;
  if (cli.json) printJson(cli, { ...result, seconds, interrupted });
  else tell(cli, result, seconds);
  if (interrupted) note(cli, `interrupted after ${result.seeds} of ${range.count} seeds`);
  return end.exitCode(result.broken.length > 0);
}

function tell(cli: Cli, result: StreamCampaignResult, seconds: number): void {
  const { seeds, faults, eventsRun, broken, trace } = result;
  for (const { seed, violations, shrunk } of broken) {
    print(cli, `seed ${seed} breaks ${counted(violations.length, "promise")}:`);
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
