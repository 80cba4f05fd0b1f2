/** One line on the terminal that says how far a copy is, how fast, and how long it still takes. */
import { formatDuration } from "./render/durations.ts";
import { bytesText } from "../base/bytes-text.ts";
import { isRedrawn, type Cli } from "./cli.ts";

/** Often enough to move, seldom enough to be read. */
const DRAW_MS = 200;
/** The rate is that of the last seconds: what is shown should follow what happens. */
const RATE_OVER_MS = 3_000;
const CLEAR_LINE = "\r\u001b[2K";
const COLUMNS_FALLBACK = 80;

export interface CopyProgress {
  total(bytes: number): void;
  at(bytes: number, name: string): void;
  close(): void;
}

/** Nothing where nobody looks. */
export function openProgress(cli: Cli): CopyProgress {
  const silent = !isRedrawn(cli, cli.stderr) || cli.json;
  if (silent) return { total: () => undefined, at: () => undefined, close: () => undefined };
  let totalBytes = 0;
  let now = { bytes: 0, name: "" };
  const samples: { readonly atMs: number; readonly bytes: number }[] = [];
  const draw = (): void => {
    const atMs = performance.now();
    samples.push({ atMs, bytes: now.bytes });
    while ((samples[1]?.atMs ?? Infinity) < atMs - RATE_OVER_MS) samples.shift();
    const line = progressLine({ ...now, totalBytes, rate: rateOf(samples) });
    const columns = cli.stderr.columns || COLUMNS_FALLBACK;
    cli.stderr.write(`${CLEAR_LINE}${line.slice(0, columns - 1)}`);
  };
  const timer = setInterval(draw, DRAW_MS);
  return {
    total: (bytes) => {
      totalBytes = bytes;
      draw();
    },
    at: (bytes, name) => (now = { bytes, name }),
    close: () => {
      clearInterval(timer);
      cli.stderr.write(CLEAR_LINE);
    },
  };
}

function rateOf(samples: readonly { readonly atMs: number; readonly bytes: number }[]): number {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.atMs === first.atMs) return 0;
  return Math.max(0, (last.bytes - first.bytes) / ((last.atMs - first.atMs) / 1_000));
}

export function progressLine(state: {
  readonly bytes: number;
  readonly totalBytes: number;
  /** Bytes a second. */
  readonly rate: number;
  readonly name: string;
}): string {
  const { bytes, totalBytes, rate, name } = state;
  const percent = totalBytes === 0 ? 100 : Math.floor((bytes / totalBytes) * 100);
  const sizes = `${bytesText(bytes)} of ${bytesText(totalBytes)}`;
  const left = rate > 0 ? `, ${formatDuration(((totalBytes - bytes) / rate) * 1_000)} left` : "";
  return `${String(percent).padStart(3)} %  ${sizes}  ${bytesText(rate)}/s${left}  ${name}`;
}
