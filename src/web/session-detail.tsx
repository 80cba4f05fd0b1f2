/** One session in depth: what is known, what can be asked by which call, terminal, timeline. */
import { useEffect, useRef } from "preact/hooks";
import type { Api } from "../client/api.ts";
import type { Problem, Row, SeenInDepth, Story } from "./board.ts";
import { ActionButton } from "./action-buttons.tsx";
import { FilesPanel } from "./files-panel.tsx";
import { Ladder } from "./ladder.tsx";
import { plainText } from "./plain-text.ts";
import { PortsPanel } from "./ports-panel.tsx";
import { ProblemBox, SessionErrorBox } from "./problem-box.tsx";
import { actions, callOf, curlOf, isAtRest, whyNot, type Action } from "./session-actions.ts";
import { CostTable } from "./cost-table.tsx";
import { ClaimText, DisagreementText } from "./claim-text.tsx";
import { StateChart } from "./state-chart.tsx";
import { StateChip, StateStep } from "./state-chip.tsx";
import { EvidenceMarks } from "./evidence-marks.tsx";
import { TerminalPanel } from "./terminal-panel.tsx";
import { TimelinePicture } from "./timeline-picture.tsx";
import { Timeline } from "./timeline.tsx";
import { Voices, Warnings } from "./voices.tsx";

interface SessionDetailProps {
  readonly api: Api;
  readonly row: Row;
  /** Null until all of its health came. */
  readonly inDepth: SeenInDepth | null;
  readonly story: Story;
  readonly onEarlier: () => Promise<Problem | null>;
  readonly onAct: (id: string, action: Action) => void;
  readonly onClose: () => void;
}

export function SessionDetail(props: SessionDetailProps) {
  const { api, row, inDepth, story, onEarlier, onAct, onClose } = props;
  const { session, seen, problem } = row;
  const title = useRef<HTMLHeadingElement>(null);
  // Who opened it with the keyboard goes on reading here.
  useEffect(() => title.current?.focus(), [session.id]);
  const closeOnEscape = (event: KeyboardEvent): void => {
    // Inside the terminal Escape is the program's, and in a question it is the answer no.
    const inner = event.target instanceof Element && event.target.closest(".shell, dialog");
    if (event.key === "Escape" && inner === null) onClose();
  };
  return (
    <aside class="detail" aria-labelledby="detail-title" onKeyDown={closeOnEscape}>
      <div class="detail-head">
        <h2 id="detail-title" tabIndex={-1} ref={title}>
          {session.name}
        </h2>
        <span role="status">
          <StateChip state={session.state} detail={session.detail} />
        </span>
        <StateStep session={session} />
        <button type="button" class="small close" onClick={onClose}>
          close
        </button>
      </div>
      <ClaimText row={row} />
      <EvidenceMarks seen={seen} atRest={isAtRest(session)} />
      <DisagreementText seen={seen} />
      {session.lastError === null ? (
        <p>{plainText(seen?.health.verdict.text ?? "asking the hub…")}</p>
      ) : (
        <SessionErrorBox error={session.lastError} name={session.name} />
      )}
      <Warnings seen={inDepth} />
      {problem !== null && <ProblemBox problem={problem} what="refused" />}
      <TerminalPanel key={session.id} api={api} session={session} />
      <PortsPanel key={`ports ${session.id}`} api={api} session={session} />
      <FilesPanel key={`files ${session.id}`} api={api} session={session} />
      <Voices seen={inDepth} atRest={isAtRest(session)} />
      <Ladder health={inDepth?.health ?? null} atRest={session.deadlineAt === null} />
      <TimelinePicture events={story.events} />
      <StateChart session={session} timeline={story.events} />
      <Calls row={row} hubUrl={api.url} onAct={onAct} />
      {session.cost !== undefined && <CostTable title="Cost" cost={session.cost} />}
      <Identity row={row} seen={inDepth} />
      <Timeline key={`timeline ${session.id}`} story={story} onEarlier={onEarlier} />
    </aside>
  );
}

type CallsProps = Pick<SessionDetailProps, "row" | "onAct"> & { readonly hubUrl: string };

/**
 * Every button with the call that it makes, so that what was clicked can be scripted, or with why
 * there is none now: a finger cannot rest on a button to be told.
 */
function Calls({ row, hubUrl, onAct }: CallsProps) {
  const { session } = row;
  const example = actions.find((action) => whyNot(action, session) === null);
  return (
    <section aria-labelledby="calls-title">
      <h3 id="calls-title">Ask</h3>
      <ul class="calls">
        {actions.map((action) => {
          const { method, path } = callOf(action, session.name);
          const reason = whyNot(action, session);
          return (
            <li key={action}>
              <ActionButton action={action} row={row} onAct={onAct} />
              {reason === null && (
                <code class="call">
                  {method} {path}
                </code>
              )}
              {reason !== null && <span class="quiet">{reason}</span>}
            </li>
          );
        })}
      </ul>
      {example !== undefined && (
        <code class="call">{curlOf(callOf(example, session.name), hubUrl)}</code>
      )}
    </section>
  );
}

function Identity({ row, seen }: { readonly row: Row; readonly seen: SeenInDepth | null }) {
  const { session } = row;
  const labels = Object.entries(session.labels ?? {});
  return (
    <section aria-labelledby="identity-title">
      <h3 id="identity-title">Details</h3>
      <dl class="identity">
        <dt>session</dt>
        <dd>{session.id}</dd>
        <dt>sandbox</dt>
        <dd>{session.sandboxId ?? "none"}</dd>
        {session.hub !== undefined && <dt>hub</dt>}
        {session.hub !== undefined && <dd>{plainText(session.hub ?? "none now")}</dd>}
        <dt>epoch</dt>
        <dd>{session.epoch}</dd>
        <dt>created</dt>
        <dd>{new Date(session.createdAt).toLocaleString()}</dd>
        {labels.length > 0 && <dt>labels</dt>}
        {labels.length > 0 && (
          <dd>{plainText(labels.map(([key, value]) => `${key}=${value}`).join(", "))}</dd>
        )}
      </dl>
      <details>
        <summary>health as JSON</summary>
        <code class="call">GET /v1/sessions/{session.name}/health</code>
        <pre class="json">
          {seen === null ? "" : plainText(JSON.stringify(seen.health, null, 2))}
        </pre>
      </details>
    </section>
  );
}
