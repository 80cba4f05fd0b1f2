/** A session's state as shape, word and colour: each of the three alone tells the states apart. */
import type { Session, SessionState } from "../client/api-types.ts";
import { Left } from "./ticking-text.tsx";

/** Paths in a 12 by 12 box: plus, turning arrow, flash, tick, cross, bars, dash. */
const shapes: Readonly<Record<SessionState, string>> = {
  creating: "M6 1.5v9M1.5 6h9",
  resuming: "M10 6a4 4 0 1 1-1.2-2.9M9.2 1v2.4H6.8",
  nudging: "M6.8 1 3 7h3l-.8 4L9 5H6z",
  connected: "M2 6.4 4.8 9.2 10 3.4",
  error: "M2.5 2.5l7 7M9.5 2.5l-7 7",
  suspended: "M4 2.5v7M8 2.5v7",
  ended: "M2.5 6h7",
};

type ChipProps = Pick<Session, "state" | "detail">;

export function StateChip({ state, detail }: ChipProps) {
  const doubted = state === "connected" && stepOf({ state, detail }) !== null;
  return (
    <span class={`chip chip-${doubted ? "doubt" : state}`} data-state={state}>
      <svg viewBox="0 0 12 12" aria-hidden="true">
        <path d={shapes[state]} />
      </svg>
      {state}
    </span>
  );
}

/** What the session is just doing, and by when it must be done. */
export function StateStep({ session }: { readonly session: Session }) {
  const { deadlineAt } = session;
  const step = stepOf(session);
  if (step === null && deadlineAt === null) return null;
  return (
    <span class="quiet step" title={deadlineAt === null ? "" : `a verdict comes by ${deadlineAt}`}>
      {step}
      {step !== null && deadlineAt !== null && ", "}
      {deadlineAt !== null && <Left untilMs={Date.parse(deadlineAt)} />}
    </span>
  );
}

/** Nested states that say no more than the state itself. */
const plainSteps: ReadonlySet<string> = new Set(["healthy", "paused", "healable", "final"]);

/** The nested state in words; null where it adds nothing. */
function stepOf({ detail }: ChipProps): string | null {
  const step = detail?.split(".")[1] ?? "";
  if (step === "" || plainSteps.has(step)) return null;
  return step.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
