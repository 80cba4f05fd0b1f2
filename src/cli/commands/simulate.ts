/**
 * `holdfast simulate`: runs the real session machine, probes, judge and switchboard against a
 * lying platform in virtual time. Ends with 1 when a promise was broken, says by which faults, and
 * keeps those as a file that `--replay` runs again. ^C ends it with the report of what was run.
 */
import { counted } from "../../base/counted.ts";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import {
  readReplay,
  replay,
  runCampaign,
  type CampaignResult,
  type Fault,
  type Violation,
} from "../../testing/index.ts";
import {
  flagOption,
  note,
  print,
  printJson,
  textOption,
  usageError,
  type Cli,
  type Run,
} from "../cli.ts";
import { SeedKeeper } from "./simulate-keep.ts";
import { runSeeds } from "./simulate-run.ts";
import { simulateStreams } from "./simulate-streams.ts";

const SEEDS_DEFAULT = 1_000;
const SEEDS_MAX = 100_000_000;
const SHOWN_MAX = 5;

export const run: Run = async (cli) => {
  const file = textOption(cli, "replay");
  return file === undefined ? campaign(cli) : replayFile(cli, file);
};

async function campaign(cli: Cli): Promise<number> {
  const count = wholeOption(cli, "seeds", SEEDS_DEFAULT);
  const first = wholeOption(cli, "seed", 1);
  const jobs = Math.min(wholeOption(cli, "jobs", availableParallelism()), count);
  if (flagOption(cli, "streams")) return simulateStreams(cli, { first, count, jobs });
  const keeper = new SeedKeeper(cli);
  const end = await runSeeds(cli, { first, count, jobs }, (run) =>
    runCampaign({ ...run, onBroken: (broken) => keeper.keep(broken) }),
  );
  const { result, seconds, interrupted } = end;
  const fileOf = (seed: number): string | undefined => keeper.fileOf(seed);
  const kept = result.broken.flatMap(({ seed }) => fileOf(seed) ?? []);
  if (cli.json) printJson(cli, { ...result, seconds, jobs, kept, interrupted });
  else tell(cli, result, fileOf, seconds, jobs);
  keeper.check();
  if (interrupted) note(cli, `interrupted after ${result.seeds} of ${count} seeds`);
  return end.exitCode(result.broken.length > 0 || result.gaps.length > 0);
}

async function replayFile(cli: Cli, file: string): Promise<number> {
  const { plan, why, unmapped } = readReplay(await read(resolve(cli.cwd, file), file), file);
  const { violations, eventsRun, trace } = await replay(plan);
  if (cli.json) {
    printJson(cli, { why, plan, unmapped, violations, eventsRun, trace });
  } else {
    print(cli, `${file}: ${why}`);
    for (const fault of plan.faults) print(cli, faultLine(fault));
    for (const event of unmapped) print(cli, `  not simulated: ${event}`);
    for (const violation of violations.slice(0, SHOWN_MAX)) print(cli, brokenLine(violation));
    const seconds = Math.round(plan.untilMs / 1_000);
    print(
      cli,
      `${counted(violations.length, "promise")} broken in ${seconds} simulated s; trace ${trace}`,
    );
  }
  return violations.length === 0 ? 0 : 1;
}

async function read(path: string, file: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw usageError(`--replay ${file}: ${reasonOf(cause)}`, "Name a file that is there.");
  }
}

function tell(
  cli: Cli,
  result: CampaignResult,
  fileOf: (seed: number) => string | undefined,
  seconds: number,
  jobs: number,
): void {
  const { seeds, faults, eventsRun, broken, trace, gaps } = result;
  for (const { seed, violations, shrunk } of broken) {
    print(cli, `seed ${seed} breaks ${counted(violations.length, "promise")}:`);
    for (const violation of violations.slice(0, SHOWN_MAX)) print(cli, brokenLine(violation));
    for (const fault of shrunk.faults) print(cli, faultLine(fault));
    const file = fileOf(seed);
    const again = file === undefined ? `--seeds 1 --seed ${seed}` : `--replay ${file}`;
    print(cli, `  again: holdfast simulate ${again}`);
  }
  const rare = Object.entries(result.sometimes).sort(([a], [b]) => a.localeCompare(b));
  print(cli, `reached: ${rare.map(([name, count]) => `${name} ${count}`).join(", ")}`);
  for (const gap of gaps) print(cli, gap);
  print(cli, `${seeds} worlds of 4 minutes, ${faults} faults, ${eventsRun} events`);
  const perCore = (seeds / seconds / jobs).toFixed(1);
  const speed = `${seconds.toFixed(1)} s on ${jobs} threads, ${perCore} seeds a second on each`;
  print(cli, `${broken.length} broken; ${speed}; trace ${trace}`);
}

function brokenLine({ invariant, atMs, text }: Violation): string {
  return `  ${invariant} after ${(atMs / 1_000).toFixed(3)} s: ${text}`;
}

function faultLine({ atMs, kind, target, forMs }: Fault): string {
  return `  fault ${(atMs / 1_000).toFixed(3)} s ${kind} (session ${target}, ${forMs} ms)`;
}

function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  return code === "ENOENT" ? "there is no such file" : code;
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
