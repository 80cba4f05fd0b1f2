/** A session's state as shape, word and colour: each of the three alone tells the states apart. */
import type { SessionState } from "../client/api-types.ts";

/** Paths in a 12 by 12 box: filled, rings, arrows, bars, cross. */
const shapes: Readonly<Record<SessionState, string>> = {
  creating: "M6 1.5v9M1.5 6h9",
  resuming: "M10 6a4 4 0 1 1-1.2-2.9M9.2 1v2.4H6.8",
  nudging: "M6.8 1 3 7h3l-.8 4L9 5H6z",
  connected: "M2 6.4 4.8 9.2 10 3.4",
  error: "M2.5 2.5l7 7M9.5 2.5l-7 7",
  suspended: "M4 2.5v7M8 2.5v7",
  ended: "M2.5 6h7",
};

export function StateChip({ state, detail }: { state: SessionState; detail: string | null }) {
  const step = stepOf(state, detail);
  const tone = step === "suspect" || step === "rechecking" ? "doubt" : state;
  return (
    <span class={`chip chip-${tone}`} data-state={state}>
      <svg viewBox="0 0 12 12" aria-hidden="true">
        <path d={shapes[state]} />
      </svg>
      {state}
      {step !== null && <span class="chip-step">{step}</span>}
    </span>
  );
}

/** The nested state where it tells more than the state itself, in words. */
function stepOf(state: SessionState, detail: string | null): string | null {
  const [, step] = detail?.split(".") ?? [];
  if (step === undefined || step === "healthy" || step === "paused" || step === "final")
    return null;
  if (state === "error" && step === "healable") return null;
  return step.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
