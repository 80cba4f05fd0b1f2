/**
 * What a topic of `npm run bench` is: some work through Holdfast and the same through others, in
 * one run, as rows of figures with the goal that each has to meet.
 */
import { rounded } from "./statistics.ts";

/** What has to be on the machine; a topic without it is left out, aloud. */
export type Need = "nginx" | "haproxy" | "sshd" | "rsync" | "bwrap";

export interface Goal {
  readonly atMost?: number;
  readonly atLeast?: number;
  /** Whose figure it is a multiple of; unset, the goal is of the figure itself. */
  readonly of?: string;
}

export interface Row {
  readonly work: string;
  readonly unit: string;
  /** Holdfast's figure: a median where there were rounds. Null where it did not come that far. */
  readonly figure: number | null;
  readonly others?: Readonly<Record<string, number>>;
  readonly goals?: readonly Goal[];
}

/** Without what is no number, as of a way that has no such figure: JSON has no word for it. */
export function told(row: Row): Row {
  const { figure, others = {} } = row;
  const known = Object.entries(others).filter(([, value]) => Number.isFinite(value));
  return {
    ...row,
    figure: figure !== null && Number.isFinite(figure) ? figure : null,
    others: Object.fromEntries(known),
  };
}

export interface Run {
  readonly quick: boolean;
  /** Of what is measured in turns. */
  readonly rounds: number;
  /** What was said behind `--sessions`; empty: as the topic has it. */
  readonly sessions: readonly number[];
  /** Of the soak. */
  readonly minutes: number;
  /** Also tells where the hub's time goes. */
  readonly profile: boolean;
  readonly say: (text: string) => void;
}

/** As it goes to the process of a topic, which says by itself. */
export type Asked = Omit<Run, "say">;

/** What the process of a topic answers. */
export interface Answer {
  readonly rows: readonly Row[];
  readonly failed: string | null;
}

export interface Topic {
  readonly name: string;
  readonly about: string;
  readonly needs: readonly Need[];
  /** Left out of a run of everything: it takes much longer than all others. */
  readonly onlyByName?: boolean;
  /** All of it on one processor, where no wake of another one is part of a figure. */
  readonly pinned?: boolean;
  /** Not measured in turns: its figures are of one run. */
  readonly once?: boolean;
  /** Left out of a quick run of everything. */
  readonly notQuick?: boolean;
  readonly run: (run: Run) => Promise<readonly Row[]>;
}

export interface Result {
  readonly topic: string;
  /** Behind `npm run bench --`, to have the same work again. */
  readonly words: string;
  /** When it began, in UTC to the minute. */
  readonly at: string;
  readonly rounds: number;
  readonly seconds: number;
  /** Of the machine in the last minute of it. */
  readonly load: number;
  /** Share of the processors that others had while it ran. */
  readonly othersPercent: number;
  readonly rows: readonly Row[];
  readonly failed: string | null;
}

export interface Verdict {
  readonly goal: string;
  /** What is to be beside the bound: a ratio, or the figure. Null where there is none. */
  readonly value: number | null;
  readonly met: boolean;
}

export function verdictsOf({ figure, others = {}, goals = [] }: Row): readonly Verdict[] {
  return goals.flatMap(({ atMost, atLeast, of }) => {
    const beside = of === undefined ? 1 : others[of];
    // Its baseline is not installed here: nothing can be said.
    if (beside === undefined) return [];
    const value = figure === null ? null : figure / beside;
    const met = value !== null && value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity);
    const bound = atMost === undefined ? `at least ${atLeast ?? ""}` : `at most ${atMost}`;
    const goal = of === undefined ? bound : `${bound} x ${of}`;
    return [{ goal, value: value === null ? null : rounded(value, 3), met }];
  });
}

export function ratioOf(figure: number, other: number): string {
  return `${rounded(figure / other, 2)} of it`;
}

/** One line for a row, with each goal and whether it is reached. */
export function lineOf(row: Row): string {
  const figure = row.figure === null ? "not reached" : `${rounded(row.figure, 3)} ${row.unit}`;
  const others = Object.entries(row.others ?? {}).map(([name, value]) => {
    const ratio = row.figure === null || value === 0 ? "" : ` (${ratioOf(row.figure, value)})`;
    return `${name} ${rounded(value, 3)}${ratio}`;
  });
  const goals = verdictsOf(row).map(({ goal, met }) => `${met ? "ok" : "MISSED"} ${goal}`);
  return [row.work, figure, ...others, ...goals].join(" | ");
}
