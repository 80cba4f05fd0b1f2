/**
 * Many seeds on all cores, whatever a seed runs: hands ranges to threads and adds up what they
 * report. The result depends on the seeds alone, not on how they were split. What a world is, and
 * what must have been seen in it, is the campaign's.
 */
import { createHash } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { parentPort, Worker } from "node:worker_threads";

/** Which seeds, on how many threads. */
export interface CampaignOptions<Broken> {
  readonly first: number;
  readonly count: number;
  readonly jobs: number;
  readonly onProgress: (done: number, broken: number) => void;
  /** Each broken seed, as soon as it is known. */
  readonly onBroken?: (broken: Broken) => void;
  /** Once it is aborted no new range begins: the result is of the seeds up to there. */
  readonly stop?: AbortSignal;
}

interface SeedRange {
  readonly first: number;
  readonly count: number;
}

/** What a thread says after each range. */
interface RangeReport<Broken> extends Omit<RangeTotals<Broken>, "trace"> {
  readonly first: number;
  readonly traces: readonly string[];
}

export interface RangeTotals<Broken> {
  /** Seeds that were run: those from the first one on, without a hole. */
  readonly seeds: number;
  readonly broken: readonly Broken[];
  readonly eventsRun: number;
  readonly faults: number;
  /** What was reached, by the number of seeds that did. */
  readonly sometimes: Readonly<Record<string, number>>;
  /** Hash over the traces of all seeds, in order. */
  readonly trace: string;
}

/** What a thread needs to know of the world of one seed. */
interface SeedOutcome {
  readonly plan: { readonly faults: readonly unknown[] };
  readonly violations: readonly unknown[];
  readonly eventsRun: number;
  readonly trace: string;
  readonly sometimes: ReadonlySet<string>;
}

/** In a thread: runs the ranges that it is given. `keep` makes of a broken seed what is told. */
export function serveRanges<Outcome extends SeedOutcome>(
  run: (seed: number) => Outcome,
  keep: (seed: number, broken: Outcome) => unknown,
): void {
  parentPort?.on("message", (range: SeedRange) => {
    // Out of the message's own turn: simulated promises run only where no real one is under way.
    setImmediate(() => parentPort?.postMessage(runRange(range, run, keep)));
  });
}

/** A world dies young and whole; in the small space of hubs burials take a quarter of the time. */
const YOUNG_SPACE = ["--max-semi-space-size=16", "--min-semi-space-size=16"];

/**
 * Runs the seeds on `jobs` threads of the file `worker`, `rangeSeeds` at a time.
 * @throws what a thread died of.
 */
export async function runRanges<Broken>(
  worker: URL,
  rangeSeeds: number,
  options: CampaignOptions<Broken>,
): Promise<RangeTotals<Broken>> {
  const { jobs, onProgress, onBroken, stop } = options;
  const ranges = rangesOf(options, rangeSeeds);
  const sum = new Sum<Broken>();
  const runThread = (): Promise<void> =>
    new Promise((resolve, reject) => {
      for (const flag of YOUNG_SPACE) setFlagsFromString(flag);
      const thread = new Worker(worker);
      const feed = (): void => {
        const range = stop?.aborted === true ? undefined : ranges.next().value;
        if (range !== undefined) thread.postMessage(range);
        else void thread.terminate().then(() => resolve(), reject);
      };
      thread.on("message", (report: RangeReport<Broken>) => {
        sum.add(report);
        for (const broken of report.broken) onBroken?.(broken);
        onProgress(sum.seeds, sum.broken);
        feed();
      });
      thread.on("error", reject);
      feed();
    });
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, runThread));
  return sum.totals();
}

function* rangesOf(
  { first, count }: SeedRange,
  rangeSeeds: number,
): Generator<SeedRange, undefined> {
  const end = first + count;
  for (let next = first; next < end; next += rangeSeeds) {
    yield { first: next, count: Math.min(rangeSeeds, end - next) };
  }
}

function runRange<Outcome extends SeedOutcome>(
  { first, count }: SeedRange,
  run: (seed: number) => Outcome,
  keep: (seed: number, broken: Outcome) => unknown,
): RangeReport<unknown> {
  const broken: unknown[] = [];
  const sometimes: Record<string, number> = {};
  const traces: string[] = [];
  let eventsRun = 0;
  let faults = 0;
  for (let seed = first; seed < first + count; seed++) {
    const outcome = run(seed);
    eventsRun += outcome.eventsRun;
    faults += outcome.plan.faults.length;
    traces.push(outcome.trace);
    for (const name of outcome.sometimes) sometimes[name] = (sometimes[name] ?? 0) + 1;
    if (outcome.violations.length > 0) broken.push(keep(seed, outcome));
  }
  return { first, seeds: count, broken, eventsRun, faults, sometimes, traces };
}

/** Of a million seeds only traces and what broke are kept by range: those have an order. */
class Sum<Broken> {
  seeds = 0;
  broken = 0;
  #eventsRun = 0;
  #faults = 0;
  readonly #sometimes: Record<string, number> = {};
  readonly #ordered: Pick<RangeReport<Broken>, "first" | "traces" | "broken">[] = [];

  add({ first, seeds, broken, eventsRun, faults, sometimes, traces }: RangeReport<Broken>): void {
    this.seeds += seeds;
    this.broken += broken.length;
    this.#eventsRun += eventsRun;
    this.#faults += faults;
    for (const [name, seen] of Object.entries(sometimes)) {
      this.#sometimes[name] = (this.#sometimes[name] ?? 0) + seen;
    }
    this.#ordered.push({ first, traces, broken });
  }

  totals(): RangeTotals<Broken> {
    const ordered = this.#ordered.sort((a, b) => a.first - b.first);
    const traces = ordered.flatMap((range) => range.traces).join("\n");
    return {
      seeds: this.seeds,
      broken: ordered.flatMap((range) => range.broken),
      eventsRun: this.#eventsRun,
      faults: this.#faults,
      sometimes: this.#sometimes,
      trace: createHash("sha256").update(traces).digest("hex").slice(0, 16),
    };
  }
}
