/** Before a session is paused, retried or removed: what that does, to whom, in words. */
import { useEffect, useState } from "preact/hooks";
import type { Api } from "../client/api.ts";
import type { Health, LadderPlan, Session } from "../client/api-types.ts";
import type { Problem } from "./board.ts";
import { ConfirmDialog } from "./confirm-dialog.tsx";
import { plainText } from "./plain-text.ts";
import { problemOf } from "./problem.ts";
import { ProblemBox } from "./problem-box.tsx";
import { callOf, type Action } from "./session-actions.ts";

interface ActionDialogProps {
  readonly api: Api;
  readonly session: Session;
  readonly action: Action;
  readonly onGo: () => void;
  readonly onKeep: () => void;
}

const WORDS: Partial<Readonly<Record<Action, readonly [keep: string, happens: string]>>> = {
  pause: [
    "leave it running",
    "What runs in it stands still until somebody resumes it: terminals, commands, servers. " +
      "Nothing is lost, and nothing answers.",
  ],
  retry: [
    "leave it in error",
    "The hub climbs its ladder again, gentle steps first. A restart ends what runs in the " +
      "sandbox; a replacement begins with a fresh one, and the old is kept for a while.",
  ],
  remove: [
    "keep it",
    "Its sandbox is deleted with everything that is in it. This cannot be undone.",
  ],
};

export function ActionDialog({ api, session, action, onGo, onKeep }: ActionDialogProps) {
  const [health, healthProblem] = useAnswer(() => api.health(session.id));
  const [plan, planProblem] = useAnswer(() =>
    action === "retry" ? api.plan(session.id) : Promise.resolve(null),
  );
  const [keep, happens] = WORDS[action] ?? ["leave it", ""];
  const { method, path } = callOf(action, session.name);
  const verb = `${action.charAt(0).toUpperCase()}${action.slice(1)}`;
  const problem = healthProblem ?? planProblem;
  return (
    <ConfirmDialog
      title={`${verb} ${session.name}?`}
      what={action}
      keep={keep}
      go={`${action} ${session.name}`}
      {...{ onKeep, onGo }}
    >
      <p>{happens}</p>
      {health !== null && <p data-concerns={action}>{concernsOf(health)}</p>}
      {plan !== null && <Plan plan={plan} />}
      {problem !== null && <ProblemBox problem={problem} what="who is concerned is not known" />}
      <p>
        <code class="call">
          {method} {path}
        </code>
      </p>
    </ConfirmDialog>
  );
}

/** Who is in it now. */
export function concernsOf({ activity }: Pick<Health, "activity">): string {
  const attached = activity?.viewer.attached ?? 0;
  const running = activity?.process.running ?? null;
  const who = ["Nobody is", "One client is"][attached] ?? `${attached} clients are`;
  const what = ["nothing runs", "one command runs"][running ?? -1] ?? `${running} commands run`;
  return `${who} attached, and ${running === null ? "nobody knows what runs" : what} in it.`;
}

function Plan({ plan }: { readonly plan: LadderPlan }) {
  const words = { do: "if needed", skip: "of no use", refuse: "not now" } as const;
  return (
    <dl class="plan" aria-label="what the ladder would do">
      {plan.steps.map(({ rung, would, why, destructive }) => (
        <div key={rung} class={`plan-${would}`} data-rung={rung}>
          <dt>
            {rung}
            {destructive && <span class="quiet"> ends what runs</span>}
          </dt>
          <dd>
            {words[would]}: {plainText(why)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Asked once, when it is first drawn. */
function useAnswer<T>(ask: () => Promise<T>): readonly [T | null, Problem | null] {
  const [answer, setAnswer] = useState<T | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    let gone = false;
    ask().then(
      (came) => {
        if (!gone) setAnswer(came);
      },
      (error: unknown) => {
        if (!gone) setProblem(problemOf(error));
      },
    );
    return () => {
      gone = true;
    };
  }, []);
  return [answer, problem];
}
