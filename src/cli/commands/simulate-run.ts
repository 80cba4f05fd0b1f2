/**
 * What both kinds of simulated worlds share at a terminal: progress that fills no log, and an end
 * on ^C that still tells what was found up to there.
 */
import { note, type Cli } from "../cli.ts";

/** A line per this many seeds where a moving line would only fill a log. */
const PROGRESS_EVERY = 1_000;
const PROGRESS_LINES_MAX = 100;

const EXIT_BROKEN = 1;
/** What a shell says of a program that one of these signals ended. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

type StopSignal = keyof typeof EXIT_CODES;

export interface SeedRun {
  readonly first: number;
  readonly count: number;
  readonly jobs: number;
  readonly onProgress: (done: number, broken: number) => void;
  readonly stop: AbortSignal;
}

export interface SeedRunEnd<Result> {
  readonly result: Result;
  readonly seconds: number;
  /** True when not all seeds were run, because somebody asked for the end. */
  readonly interrupted: boolean;
  /** A broken promise counts more than that there might be others. */
  exitCode(isBroken: boolean): number;
}

/** A first signal lets the ranges that run end; a second one ends the process as usual. */
export async function runSeeds<Result extends { readonly seeds: number }>(
  cli: Cli,
  range: Pick<SeedRun, "first" | "count" | "jobs">,
  campaign: (run: SeedRun) => Promise<Result>,
): Promise<SeedRunEnd<Result>> {
  const started = performance.now();
  const stop = new AbortController();
  let stoppedBy: StopSignal | null = null;
  const onSignal = (signal: NodeJS.Signals): void => {
    stoppedBy ??= signal === "SIGTERM" ? signal : "SIGINT";
    note(cli, "stopping: what runs is finished, the rest is left out");
    stop.abort();
  };
  const signals = Object.keys(EXIT_CODES) as StopSignal[];
  for (const signal of signals) process.once(signal, onSignal);
  try {
    note(cli, `seeds from ${range.first} on, ${range.count} of them; ^C tells what was found`);
    const onProgress = progressOf(cli, range.count, started);
    const result = await campaign({ ...range, onProgress, stop: stop.signal });
    const interrupted = result.seeds < range.count;
    const by = interrupted ? stoppedBy : null;
    return {
      result,
      seconds: (performance.now() - started) / 1_000,
      interrupted,
      exitCode: (isBroken) => (isBroken ? EXIT_BROKEN : by === null ? 0 : EXIT_CODES[by]),
    };
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}

function progressOf(cli: Cli, count: number, started: number): SeedRun["onProgress"] {
  const every = Math.max(PROGRESS_EVERY, count / PROGRESS_LINES_MAX);
  let told = 0;
  return (done, broken) => {
    if (done - told < every && done < count) return;
    told = done;
    const perSecond = Math.round((done / (performance.now() - started)) * 1_000);
    note(cli, `${done} of ${count} seeds, ${broken} broken, ${perSecond} a second`);
  };
}
