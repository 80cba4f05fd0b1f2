/**
 * The rows of the list: thousands of sessions, of which only those near the window are drawn. The
 * arrow keys, Home and End walk through all of them.
 */
import { useEffect, useRef } from "preact/hooks";
import type { Row } from "./board.ts";
import { useDrawnChunks } from "./drawn-chunks.ts";
import type { Action } from "./session-actions.ts";
import { SessionRow } from "./session-row.tsx";

/** Rows that come and go together; a window shows about one part of a screen high. */
const CHUNK = 20;
const ROW_PX = 84;

export interface FleetRowsProps {
  readonly rows: readonly Row[];
  readonly selected: string | null;
  readonly onSelect: (id: string) => void;
  readonly onAct: (id: string, action: Action) => void;
  /** Ids of the rows that are drawn now. */
  readonly onDrawn: (ids: readonly string[]) => void;
}

export function FleetRows({ rows, selected, onSelect, onAct, onDrawn }: FleetRowsProps) {
  const chunks = useDrawnChunks(ROW_PX);
  const list = useRef<HTMLDivElement>(null);
  /** The row that the keyboard goes to as soon as it is drawn. */
  const wanted = useRef<number | null>(null);
  const numbers = Array.from({ length: Math.ceil(rows.length / CHUNK) }, (_, chunk) => chunk);
  useEffect(() => {
    onDrawn(numbers.filter((n) => chunks.drawn.has(n)).flatMap((n) => idsOf(rows, n)));
  });
  const goToWanted = (): void => {
    if (wanted.current === null) return;
    const row = `[data-index="${wanted.current}"] .name`;
    const name = list.current?.querySelector<HTMLElement>(row) ?? null;
    if (name === null) return;
    wanted.current = null;
    name.focus();
  };
  useEffect(goToWanted);
  const walk = (event: KeyboardEvent): void => {
    const from = event.target instanceof HTMLElement ? event.target : null;
    if (from?.classList.contains("name") !== true) return;
    const index = Number(from.closest<HTMLElement>(".row")?.dataset["index"]);
    const to = stepOf(event.key, index, rows.length);
    if (to === null) return;
    event.preventDefault();
    wanted.current = to;
    chunks.keep(Math.floor(to / CHUNK));
    goToWanted();
  };
  return (
    <div class="rows" role="list" aria-label="sessions" ref={list} onKeyDown={walk}>
      {numbers.map((chunk) => {
        const first = chunk * CHUNK;
        const own = rows.slice(first, first + CHUNK);
        const isDrawn = chunks.drawn.has(chunk);
        return (
          <div
            key={chunk}
            class="chunk"
            role="presentation"
            data-chunk={chunk}
            ref={chunks.ref(chunk)}
            style={isDrawn ? undefined : { height: `${chunks.heightOf(chunk, own.length)}px` }}
          >
            {isDrawn &&
              own.map((row, at) => (
                <SessionRow
                  key={row.session.id}
                  row={row}
                  index={first + at}
                  count={rows.length}
                  selected={selected === row.session.id}
                  onSelect={onSelect}
                  onAct={onAct}
                />
              ))}
          </div>
        );
      })}
    </div>
  );
}

function idsOf(rows: readonly Row[], chunk: number): string[] {
  return rows.slice(chunk * CHUNK, (chunk + 1) * CHUNK).map(({ session }) => session.id);
}

/** Where a key leads from a row; null when it is none of the list's. */
export function stepOf(key: string, index: number, count: number): number | null {
  if (key === "ArrowDown") return Math.min(index + 1, count - 1);
  if (key === "ArrowUp") return Math.max(index - 1, 0);
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  return null;
}
