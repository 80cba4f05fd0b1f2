/**
 * Counts what is lost, doubled or torn in a stream of numbered lines: `d N text` told by the
 * command, `u N text` said back by it, `e N` its last. The text is the first N modulo 97 letters of
 * a fixed one.
 */
export const PADDING = "abcdefghijklmnopqrstuvwxyz0123456789".repeat(3).slice(0, 97);

const WRONG_MAX = 3;

export interface TallyCounts {
  readonly linesLost: number;
  readonly linesDoubled: number;
  readonly linesTorn: number;
}

export class LineTally {
  readonly #last = { d: 0, u: 0 };
  #part = "";
  #lost = 0;
  #doubled = 0;
  #torn = 0;
  #told: number | null = null;
  lines = 0;
  /** The first lines that were wrong, each after the one before it. */
  readonly wrong: string[] = [];
  #before = "";

  take(text: string): void {
    const lines = (this.#part + text).split("\n");
    this.#part = lines.pop() ?? "";
    for (const line of lines) {
      const had = this.#lost + this.#doubled + this.#torn;
      this.#line(line);
      const isWrong = this.#lost + this.#doubled + this.#torn > had;
      if (isWrong && this.wrong.length < WRONG_MAX) this.wrong.push(`${this.#before} | ${line}`);
      this.#before = line;
    }
  }

  /** `said` lines went in; one that ended well told how many came out. */
  end(said: number, isWhole: boolean): TallyCounts {
    // One that was broken off may have been so in the middle of a line.
    if (isWhole) {
      if (this.#part !== "") this.#torn += 1;
      if (this.#told === null) this.#torn += 1;
      this.#lost += Math.max(0, (this.#told ?? 0) - this.#last.d);
      this.#lost += Math.max(0, said - this.#last.u);
    }
    return { linesLost: this.#lost, linesDoubled: this.#doubled, linesTorn: this.#torn };
  }

  #line(line: string): void {
    const [, kind, digits, text] = /^([due]) (\d+)(?: (\w*))?$/.exec(line) ?? [];
    const number = Number(digits);
    this.lines += 1;
    if (kind === "e" && text === undefined) this.#told = number;
    else if ((kind === "d" || kind === "u") && text === PADDING.slice(0, number % 97)) {
      this.#count(kind, number);
    } else this.#torn += 1;
  }

  #count(kind: "d" | "u", number: number): void {
    const wanted = this.#last[kind] + 1;
    if (number < wanted) this.#doubled += 1;
    else this.#lost += number - wanted;
    this.#last[kind] = Math.max(number, this.#last[kind]);
  }
}
