/** The ladder of the running attempt, or of the last one: what was used of it, and until when. */
import type { Health } from "../client/api-types.ts";
import { Left } from "./ticking-text.tsx";

/** In the order in which they are climbed: name, count of `used`, and what it does. */
const RUNGS = [
  ["recheck", "rechecks", "prove it again"],
  ["nudge", "nudges", "ask its driver to dial"],
  ["relaunch", "relaunches", "start its driver anew"],
  ["restart", "restarts", "stop and start the sandbox"],
  ["replace", "replaces", "take a fresh sandbox"],
] as const;

interface LadderProps {
  readonly health: Health | null;
  /** Nothing is climbed then. */
  readonly atRest: boolean;
}

/** Nothing to show of a session that never needed it. */
export function Ladder({ health, atRest }: LadderProps) {
  if (health === null) return null;
  const { rung, used = {}, deadlineAt, rungDeadlineAt = null } = health.ladder;
  const isUnused = RUNGS.every(([, count]) => (used[count] ?? 0) === 0);
  if (isUnused && (rung === null || rung === "none")) return null;
  return (
    <section aria-labelledby="ladder-title">
      <h3 id="ladder-title">Ladder</h3>
      <ol class="ladder">
        {RUNGS.map(([name, count, does]) => {
          const times = used[count] ?? 0;
          const isHere = name === rung;
          return (
            <li
              key={name}
              class={times > 0 || isHere ? "used" : ""}
              data-rung={name}
              aria-current={isHere && !atRest ? "step" : undefined}
              title={does}
            >
              <b>{name}</b>
              <span>{times === 0 ? (isHere ? "now" : "not used") : timesText(times)}</span>
              {isHere && !atRest && isAhead(rungDeadlineAt) && (
                <Left untilMs={Date.parse(rungDeadlineAt)} />
              )}
            </li>
          );
        })}
      </ol>
      {!atRest && deadlineAt !== null && (
        <p class="quiet">
          the attempt ends with a verdict: <Left untilMs={Date.parse(deadlineAt)} />
        </p>
      )}
    </section>
  );
}

/** A rung whose time is over is left for the next one, or for a look before that. */
const isAhead = (at: string | null): at is string => at !== null && Date.parse(at) > Date.now();

const timesText = (times: number): string => (times === 1 ? "once" : `${times} times`);
