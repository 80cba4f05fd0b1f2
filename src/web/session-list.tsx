/** All sessions, how many are in which state, and a filter for when they are many. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Board } from "./board.ts";
import { FleetRows, type FleetRowsProps } from "./fleet-rows.tsx";
import { countRows, shownRows } from "./shown-rows.ts";

interface SessionListProps extends Pick<FleetRowsProps, "onSelect" | "onAct" | "onDrawn"> {
  readonly board: Board;
}

/** Below this many a filter is only one thing more to look at. */
const FILTER_FROM = 6;

export function SessionList({ board, ...doors }: SessionListProps) {
  const [filter, setFilter] = useState("");
  const { rows } = board;
  const shown = useMemo(() => shownRows(board, filter), [rows, filter]);
  const counts = useMemo(() => countRows(board), [rows]);
  if (rows === null) return <p class="empty">asking the hub…</p>;
  if (rows.size === 0) return <EmptyList />;
  return (
    <>
      <div class="list-head">
        <p class="counts">
          {counts.map(([word, count]) => (
            <button
              key={word}
              type="button"
              class="count"
              data-count={word}
              aria-pressed={filter === word}
              onClick={() => setFilter(filter === word ? "" : word)}
            >
              <b>{count}</b> {word}
            </button>
          ))}
        </p>
        {(rows.size >= FILTER_FROM || filter !== "") && (
          <FilterField filter={filter} onFilter={setFilter} />
        )}
      </div>
      {shown.length === 0 && <p class="empty">No session matches “{filter}”.</p>}
      <FleetRows rows={shown} selected={board.selected} {...doors} />
    </>
  );
}

interface FilterFieldProps {
  readonly filter: string;
  readonly onFilter: (filter: string) => void;
}

/** `/` goes there from anywhere, Escape empties it, the arrow down leads into the list. */
function FilterField({ filter, onFilter }: FilterFieldProps) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      const at = event.target instanceof Element ? event.target : null;
      if (at?.closest("input, textarea, select, dialog, .shell")) return;
      event.preventDefault();
      field.current?.focus();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "Escape") onFilter("");
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    document.querySelector<HTMLElement>('.rows [data-index="0"] .name')?.focus();
  };
  return (
    <label class="filter">
      <span class="unseen">filter by name, state, code or id</span>
      <input
        ref={field}
        type="search"
        placeholder="filter  /"
        aria-keyshortcuts="/"
        value={filter}
        onInput={(event) => onFilter(event.currentTarget.value)}
        onKeyDown={onKey}
      />
    </label>
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
