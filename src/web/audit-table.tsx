/** Who asked the hub for what, newest first, for owners; others are not told that there is one. */
import { useEffect, useState } from "preact/hooks";
import type { Api } from "../client/api.ts";
import type { AuditLine } from "../client/api-tokens.ts";
import { clockText } from "./age-text.ts";
import type { Problem } from "./board.ts";
import { plainText } from "./plain-text.ts";
import { ProblemBox } from "./problem-box.tsx";
import { problemOf } from "./problem.ts";

const SHOWN = 30;

export function AuditTable({ api }: { readonly api: Api }) {
  const [lines, setLines] = useState<readonly AuditLine[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isGone = false;
    const read = async (): Promise<void> => {
      const me = await api.me();
      if (me.role !== "owner" || me.sessions !== null) return;
      const { items } = await api.audit(SHOWN);
      if (!isGone) setLines(items.toReversed());
    };
    setProblem(null);
    read().catch((error: unknown) => {
      if (!isGone) setProblem(problemOf(error));
    });
    return () => {
      isGone = true;
    };
  }, [api, round]);
  if (lines === null && problem === null) return null;
  return (
    <section aria-labelledby="audit-title">
      <div class="section-head">
        <h3 id="audit-title">Who did what</h3>
        <button type="button" class="small" onClick={() => setRound(round + 1)}>
          look again
        </button>
      </div>
      {problem !== null && <ProblemBox problem={problem} what="audit" />}
      <ol class="entries audit">
        {lines?.map(({ n, at, who, from, what, target, outcome }) => (
          <li key={n}>
            <time dateTime={at} title={at}>
              {clockText(at)}
            </time>
            <span>
              <b>{plainText(who)}</b> <code>{plainText(what)}</code>
              {target !== null && ` ${plainText(target)}`}
              <span class={outcome === "asked" ? "quiet" : "mark-failed"}>
                {outcome === "asked" ? "" : ` ${plainText(outcome)}`}
              </span>
              <span class="quiet"> from {plainText(from)}</span>
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
