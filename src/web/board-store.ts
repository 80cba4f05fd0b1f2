/**
 * Holds the board and tells the page about changes, at most once per frame: a burst of events
 * costs one rendering.
 */
import { applyChange, emptyBoard, type Board, type Change } from "./board.ts";

export interface BoardStore {
  readonly board: Board;
  apply(change: Change): void;
  /** Returns the end of the subscription. */
  subscribe(listener: () => void): () => void;
}

/** `nextFrame` calls its argument once, soon; requestAnimationFrame in the page. */
export function createBoardStore(nextFrame: (fn: () => void) => void): BoardStore {
  const listeners = new Set<() => void>();
  let board = emptyBoard;
  let told = true;
  const tell = (): void => {
    told = true;
    for (const listener of [...listeners]) listener();
  };
  return {
    get board() {
      return board;
    },
    apply(change) {
      const next = applyChange(board, change);
      if (next === board) return;
      board = next;
      if (!told) return;
      told = false;
      nextFrame(tell);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
