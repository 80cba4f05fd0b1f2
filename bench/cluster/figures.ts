/** What a bench found, each with the bound that it is held to, told as it comes. */
export interface Figure {
  readonly value: number;
  readonly bound: string;
  readonly met: boolean;
}

export class Figures {
  readonly all: Record<string, Figure> = {};

  /** Without a condition it is there to be known, and bound by nothing. */
  readonly tell = (what: string, value: number, bound = "told only", met = true): void => {
    this.all[what] = { value: Math.round(value * 100) / 100, bound, met };
    process.stdout.write(`${met ? "ok    " : "MISSED"} ${what}: ${value.toFixed(2)} (${bound})\n`);
  };

  readonly atMost = (what: string, value: number, most: number): void =>
    this.tell(what, value, `${most} or less`, value <= most);

  get areMet(): boolean {
    return Object.values(this.all).every(({ met }) => met);
  }
}

export function spread(values: readonly number[]): { p50: number; p99: number; max: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * sorted.length)] ?? NaN;
  return { p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? NaN };
}
