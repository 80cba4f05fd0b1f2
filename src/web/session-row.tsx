/** One session in the list. It is drawn again only when something of it changed. */
import { Component } from "preact";
import type { Row } from "./board.ts";
import { ClaimText, DisagreementText } from "./claim-text.tsx";
import { ActionButtons } from "./action-buttons.tsx";
import { EvidenceMarks } from "./evidence-marks.tsx";
import { plainText } from "./plain-text.ts";
import { ProblemBox, HintText } from "./problem-box.tsx";
import { isAtRest, type Action } from "./session-actions.ts";
import { StateChip, StateStep } from "./state-chip.tsx";

interface SessionRowProps {
  readonly row: Row;
  /** Its place among all that match, from 0 on; most of them are not drawn. */
  readonly index: number;
  readonly count: number;
  readonly selected: boolean;
  readonly onSelect: (id: string) => void;
  readonly onAct: (id: string, action: Action) => void;
}

export class SessionRow extends Component<SessionRowProps> {
  override shouldComponentUpdate(next: SessionRowProps): boolean {
    const { row, index, count, selected, onSelect, onAct } = this.props;
    return (
      row !== next.row ||
      index !== next.index ||
      count !== next.count ||
      selected !== next.selected ||
      onSelect !== next.onSelect ||
      onAct !== next.onAct
    );
  }

  render({ row, index, count, selected, onSelect, onAct }: SessionRowProps) {
    const { session } = row;
    return (
      <div
        role="listitem"
        aria-posinset={index + 1}
        aria-setsize={count}
        class={`row row-${session.state}${selected ? " selected" : ""}`}
        data-session={session.name}
        data-index={index}
      >
        <div class="row-state">
          <StateChip state={session.state} detail={session.detail} />
          <StateStep session={session} />
        </div>
        <div class="row-name">
          <button
            type="button"
            class="name"
            aria-expanded={selected}
            onClick={() => onSelect(session.id)}
          >
            {session.name}
          </button>
          <span class="quiet">epoch {session.epoch}</span>
        </div>
        <ClaimText row={row} />
        <EvidenceMarks seen={row.seen} atRest={isAtRest(session)} />
        <Verdict row={row} />
        <ActionButtons row={row} onAct={onAct} />
      </div>
    );
  }
}

/** What is concluded, and what contradicts it. */
function Verdict({ row }: { readonly row: Row }) {
  const { seen, session, unread, problem } = row;
  const error = session.lastError;
  const health = seen?.health;
  return (
    <div class="verdict">
      {error === null ? (
        <p class="brief">
          {health === undefined ? "asking the hub…" : plainText(health.verdict.text)}
        </p>
      ) : (
        <>
          <p class="brief">
            <code class="code">{error.code}</code> {plainText(error.message)}
          </p>
          <HintText hint={error.hint} name={session.name} />
        </>
      )}
      <DisagreementText seen={seen} />
      {unread !== null && <ProblemBox problem={unread} what="its health cannot be read" />}
      {problem !== null && <ProblemBox problem={problem} what="refused" />}
    </div>
  );
}
