/**
 * The machine of a session as a picture: where it is, which way it came there, and which steps the
 * state has. The states and what leads from one to the other are the machine's own (chart-data.ts);
 * only where they stand is decided here.
 */
import { useEffect, useRef } from "preact/hooks";
import type { HubEvent, Session } from "../client/api-types.ts";
import { chartEdges, chartSteps, type ChartState } from "./chart-data.ts";

interface Spot {
  readonly x: number;
  readonly y: number;
}

/** No line crosses a state: what is left out between two of them is empty. */
const SPOTS: Readonly<Record<ChartState, Spot>> = {
  creating: { x: 60, y: 22 },
  connected: { x: 340, y: 22 },
  nudging: { x: 200, y: 84 },
  error: { x: 60, y: 146 },
  resuming: { x: 200, y: 146 },
  suspended: { x: 340, y: 146 },
  ended: { x: 460, y: 84 },
};
const WIDTH = 512;
const HALF_WIDTH = 48;
const HALF_HEIGHT = 14;
/** How far the one line that has a state in its way bends around it. */
const BEND = 52;

interface StateChartProps {
  readonly session: Pick<Session, "state" | "detail">;
  readonly timeline: readonly HubEvent[];
}

export function StateChart({ session, timeline }: StateChartProps) {
  const { state, detail } = session;
  const way = wayTaken(timeline, state);
  const taken = new Set(way.slice(1).map((to, at) => pairOf(way[at] ?? to, to)));
  const leaves = removedFrom(timeline, state);
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // On a phone the picture is wider than its frame: the state that it is in comes into view.
    const { current } = frame;
    if (current === null) return;
    current.scrollLeft = (SPOTS[state].x / WIDTH) * current.scrollWidth - current.clientWidth / 2;
  }, [state]);
  const [, step] = detail?.split(".") ?? [];
  return (
    <section aria-labelledby="chart-title" class="chart">
      <h3 id="chart-title">Where it is</h3>
      <div class="frame" tabIndex={0} ref={frame}>
        <svg
          viewBox={`0 0 ${WIDTH} 192`}
          role="img"
          aria-label={`${state}, by way of ${way.join(", ")}`}
        >
          <defs>
            <marker
              id="tip"
              viewBox="0 0 6 6"
              refX="5"
              refY="3"
              markerWidth="7"
              markerHeight="7"
              orient="auto-start-reverse"
            >
              <path d="M0 0 6 3 0 6z" />
            </marker>
          </defs>
          {lines().map(({ from, to, both }) => (
            <path
              key={`${from} ${to}`}
              class={taken.has(pairOf(from, to)) ? "edge edge-taken" : "edge"}
              d={pathOf(SPOTS[from], SPOTS[to])}
              marker-end="url(#tip)"
              {...(both ? { "marker-start": "url(#tip)" } : {})}
            />
          ))}
          {leaves !== null && (
            <path
              class={`edge ${state === "ended" ? "edge-taken" : "edge-removal"}`}
              data-removal={leaves}
              d={pathOf(SPOTS[leaves], SPOTS.ended)}
              marker-end="url(#tip)"
            />
          )}
          {states.map((name) => (
            <Node key={name} name={name} isLit={name === state} />
          ))}
        </svg>
      </div>
      <Steps of={state} step={step} />
    </section>
  );
}

function Node({ name, isLit }: { readonly name: ChartState; readonly isLit: boolean }) {
  return (
    <g
      class={`node chip-${name}${isLit ? " lit" : ""}`}
      transform={`translate(${SPOTS[name].x} ${SPOTS[name].y})`}
      data-chart={name}
      data-lit={String(isLit)}
    >
      <rect
        x={-HALF_WIDTH}
        y={-HALF_HEIGHT}
        width={2 * HALF_WIDTH}
        height={2 * HALF_HEIGHT}
        rx={HALF_HEIGHT}
      />
      <text>{name}</text>
    </g>
  );
}

interface StepsProps {
  readonly of: ChartState;
  readonly step: string | undefined;
}

function Steps({ of: state, step }: StepsProps) {
  return (
    <ul class="steps" aria-label={`steps of ${state}`}>
      {chartSteps[state].map((name) => (
        <li
          key={name}
          class={name === step ? "lit" : ""}
          aria-current={name === step ? "step" : undefined}
        >
          {name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}
        </li>
      ))}
    </ul>
  );
}

const states = Object.keys(SPOTS) as readonly ChartState[];

const isState = (word: string | undefined): word is ChartState =>
  states.some((state) => state === word);

/** Two states, whichever way. */
const pairOf = (a: ChartState, b: ChartState): string => [a, b].sort().join(" ");

/** The states since somebody last asked for something, without repeats in a row. */
export function wayTaken(timeline: readonly HubEvent[], now: ChartState): readonly ChartState[] {
  const asked = timeline.findLastIndex(({ kind }) => kind === "intent.changed");
  const seen = timeline
    .slice(Math.max(0, asked))
    .map(({ state }) => state ?? undefined)
    .filter(isState);
  return [...seen, now].filter((state, at, all) => state !== all[at - 1]);
}

/**
 * A removal leads away from everywhere; the one line for it begins where it is, or was last. Null
 * before its story is loaded.
 */
export function removedFrom(timeline: readonly HubEvent[], now: ChartState): ChartState | null {
  if (now !== "ended") return now;
  const seen = timeline.map(({ state }) => state ?? undefined).filter(isState);
  return seen.findLast((state) => state !== "ended") ?? null;
}

interface Line {
  readonly from: ChartState;
  readonly to: ChartState;
  readonly both: boolean;
}

/** One line for both ways. */
function lines(): readonly Line[] {
  const drawn = new Map<string, Line>();
  for (const [from, to] of chartEdges) {
    const pair = pairOf(from, to);
    const before = drawn.get(pair);
    if (before === undefined) drawn.set(pair, { from, to, both: false });
    else if (before.from !== from) drawn.set(pair, { ...before, both: true });
  }
  return [...drawn.values()];
}

/** From border to border. */
function pathOf(from: Spot, to: Spot): string {
  const between = states.some((state) => {
    const { x, y } = SPOTS[state];
    return y === from.y && y === to.y && (x - from.x) * (x - to.x) < 0;
  });
  if (between) {
    const below = from.y + HALF_HEIGHT;
    const middle = (from.x + to.x) / 2;
    return `M${from.x} ${below}Q${middle} ${below + BEND} ${to.x} ${below}`;
  }
  const a = border(from, to);
  const b = border(to, from);
  return `M${a.x} ${a.y}L${b.x} ${b.y}`;
}

function border(from: Spot, to: Spot): Spot {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const scale = Math.min(
    dx === 0 ? Infinity : HALF_WIDTH / Math.abs(dx),
    dy === 0 ? Infinity : HALF_HEIGHT / Math.abs(dy),
  );
  return { x: round(from.x + dx * scale), y: round(from.y + dy * scale) };
}

const round = (value: number): number => Math.round(value * 10) / 10;
