/**
 * How often each function of the hub was called while something ran, as V8 counts it: two requests
 * that call the same functions as often as each other do the same work, whatever the machine does.
 */
import { Session, type Profiler } from "node:inspector";

export type WorkCount = Readonly<Record<string, number>>;

export class WorkCounter {
  readonly #session = new Session();

  start(): void {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  }

  /** Calls of functions in files whose path has this in it, since what was counted before. */
  async next(path: string, work: () => Promise<unknown>): Promise<WorkCount> {
    await work();
    const counts: Record<string, number> = {};
    for (const { url, functions } of this.#take()) {
      if (!url.includes(path)) continue;
      for (const { functionName, ranges } of functions) {
        const [range] = ranges;
        if (range === undefined || range.count === 0) continue;
        const name = `${url.slice(url.indexOf(path))} ${functionName} ${range.startOffset}`;
        counts[name] = range.count;
      }
    }
    return counts;
  }

  stop(): void {
    this.#session.post("Profiler.stopPreciseCoverage");
    this.#session.disconnect();
  }

  #take(): readonly Profiler.ScriptCoverage[] {
    let taken: readonly Profiler.ScriptCoverage[] = [];
    // Of a session in this very process the answer is there when the call returns.
    this.#session.post("Profiler.takePreciseCoverage", (error, answer) => {
      if (error !== null) throw error;
      taken = answer.result;
    });
    return taken;
  }
}
