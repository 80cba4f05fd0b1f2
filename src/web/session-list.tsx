/** All sessions, how many are in which state, and a filter for when they are many. */
import { useState } from "preact/hooks";
import { countStates, shownRows, type Board } from "./board.ts";
import { SessionRow } from "./session-row.tsx";
import type { Action } from "./session-actions.ts";

interface SessionListProps {
  readonly board: Board;
  readonly onSelect: (id: string) => void;
  readonly onAct: (id: string, action: Action) => void;
}

/** Below this many a filter is only one thing more to look at. */
const FILTER_FROM = 6;

export function SessionList({ board, onSelect, onAct }: SessionListProps) {
  const [filter, setFilter] = useState("");
  const { rows } = board;
  if (rows === null) return <p class="empty">asking the hub…</p>;
  if (rows.size === 0) return <EmptyList />;
  const shown = shownRows(board, filter);
  return (
    <>
      <div class="list-head">
        <p class="counts">
          {countStates(board).map(([state, count]) => (
            <button
              key={state}
              type="button"
              class="count"
              data-count={state}
              aria-pressed={filter === state}
              onClick={() => setFilter(filter === state ? "" : state)}
            >
              <b>{count}</b> {state}
            </button>
          ))}
        </p>
        {(rows.size >= FILTER_FROM || filter !== "") && (
          <label class="filter">
            <span class="unseen">filter by name, state, code or id</span>
            <input
              type="search"
              placeholder="filter"
              value={filter}
              onInput={(event) => setFilter(event.currentTarget.value)}
            />
          </label>
        )}
      </div>
      {shown.length === 0 && <p class="empty">No session matches “{filter}”.</p>}
      <ul class="rows" aria-label="sessions">
        {shown.map((row) => (
          <SessionRow
            key={row.session.id}
            row={row}
            selected={board.selected === row.session.id}
            onSelect={onSelect}
            onAct={onAct}
          />
        ))}
      </ul>
    </>
  );
}

function EmptyList() {
  return (
    <div class="empty">
      <p>No session yet. Start one above, or in a shell:</p>
      <pre>holdfast new demo</pre>
    </div>
  );
}
