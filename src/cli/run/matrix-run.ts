/**
 * Many runs of one app, each with its own variables and its own sandbox, so many at a time. Each
 * ends in one line of JSON, whatever came of it, in the order in which they end.
 */
import { newId } from "../../base/ids.ts";
import { systemRandom } from "../../base/random.ts";
import { runApp, type RunOptions, type RunReport, type RunVoice } from "./app-run.ts";
import type { RunCategory } from "./run-failed.ts";
import type { Matrix } from "./matrix-file.ts";

/** Kept of what each run says; the begin of a result says more than its end. */
const OUTPUT_BYTES_KEPT = 64 * 1024;

export interface MatrixLine extends RunReport {
  /** From 0, in the order of the file. */
  readonly index: number;
  readonly params: Readonly<Record<string, string>>;
  readonly stdout: string;
  readonly stderr: string;
}

export interface MatrixOptions extends Omit<RunOptions, "voice" | "sessionName"> {
  readonly matrix: Matrix;
  readonly onLine: (line: MatrixLine) => void;
}

export type Tally = Readonly<Record<"ok" | RunCategory, number>>;

/** Resolves when each has ended; after an abort those that were not begun are told as such. */
export async function runMatrix(options: MatrixOptions): Promise<Tally> {
  const { matrix, onLine } = options;
  const tally = { ok: 0, startup: 0, environment: 0, app: 0, task: 0, caller: 0 };
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < matrix.sets.length; index = next++) {
      const line = await runOne(options, index);
      tally[line.category ?? "ok"] += 1;
      onLine(line);
    }
  };
  const workers = Math.min(matrix.concurrency, matrix.sets.length);
  await Promise.all(Array.from({ length: workers }, worker));
  return tally;
}

async function runOne(options: MatrixOptions, index: number): Promise<MatrixLine> {
  const { plan, matrix } = options;
  const params = matrix.sets[index] ?? {};
  const voice = new QuietVoice();
  const sessionName = sessionNameOf(plan.name);
  const report = await runApp({
    ...options,
    plan: { ...plan, env: { ...plan.env, ...params } },
    sessionName,
    voice,
  });
  return { index, params, ...report, stdout: voice.text("stdout"), stderr: voice.text("stderr") };
}

/** A name of its own for each run of an app. */
export function sessionNameOf(app: string): string {
  return `${app}-${newId("ses", systemRandom).slice(-6)}`;
}

class QuietVoice implements RunVoice {
  readonly #kept = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  readonly #bytes = { stdout: 0, stderr: 0 };

  say(): void {
    // The phases are in the report.
  }

  line(): void {
    // The last lines of what failed are in the report.
  }

  stdout(bytes: Uint8Array): void {
    this.#keep("stdout", bytes);
  }

  stderr(bytes: Uint8Array): void {
    this.#keep("stderr", bytes);
  }

  text(lane: "stdout" | "stderr"): string {
    return Buffer.concat(this.#kept[lane]).toString("utf8");
  }

  #keep(lane: "stdout" | "stderr", bytes: Uint8Array): void {
    const room = OUTPUT_BYTES_KEPT - this.#bytes[lane];
    if (room <= 0) return;
    this.#kept[lane].push(bytes.slice(0, room));
    this.#bytes[lane] += Math.min(room, bytes.length);
  }
}
