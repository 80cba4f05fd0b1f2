/**
 * Which parts of a long list are drawn: those near the window, and the one that has the keyboard.
 * Rows have different heights, so that a part that was drawn keeps the height that it had, and one
 * that never was gets a guess; the browser's scroll anchoring evens out the rest.
 */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

export interface DrawnChunks {
  readonly drawn: ReadonlySet<number>;
  /** Height in CSS pixels of a part that is not drawn. */
  heightOf(chunk: number, rows: number): number;
  /** Gives the observer the element of a part. */
  ref(chunk: number): (element: HTMLElement | null) => void;
  /** Draws a part that is far away, because the keyboard goes there. */
  keep(chunk: number | null): void;
}

/** How far beyond the window rows are drawn: a quick turn of the wheel. */
const MARGIN_PX = 800;
/** Drawn before the browser has measured anything, so that the first picture is not empty. */
const FIRST: ReadonlySet<number> = new Set([0, 1]);

/** `rowPx` is the guess for a row that was never drawn. */
export function useDrawnChunks(rowPx: number): DrawnChunks {
  const [near, setNear] = useState(FIRST);
  const [kept, keep] = useState<number | null>(null);
  const heights = useRef(new Map<number, number>()).current;
  const elements = useRef(new Map<number, HTMLElement>()).current;
  const refs = useRef(new Map<number, (element: HTMLElement | null) => void>()).current;
  const observer = useMemo(() => observe(heights, setNear), []);
  useEffect(() => () => observer.disconnect(), []);
  const drawn = kept === null ? near : new Set([...near, kept]);
  return {
    drawn,
    heightOf: (chunk, rows) => heights.get(chunk) ?? rows * rowPx,
    ref(chunk) {
      const known = refs.get(chunk);
      if (known !== undefined) return known;
      const ref = (element: HTMLElement | null): void => {
        const before = elements.get(chunk);
        if (before !== undefined) observer.unobserve(before);
        elements.delete(chunk);
        if (element === null) return;
        elements.set(chunk, element);
        observer.observe(element);
      };
      refs.set(chunk, ref);
      return ref;
    },
    keep,
  };
}

type Update = (change: (before: ReadonlySet<number>) => ReadonlySet<number>) => void;

function observe(heights: Map<number, number>, setNear: Update): IntersectionObserver {
  const onChange = (entries: readonly IntersectionObserverEntry[]): void => {
    setNear((before) => {
      const near = new Set(before);
      for (const { target, isIntersecting, boundingClientRect } of entries) {
        const chunk = Number((target as HTMLElement).dataset["chunk"]);
        if (isIntersecting) near.add(chunk);
        else {
          // What leaves was drawn until now; what never was drawn has the height of its guess.
          if (near.delete(chunk)) heights.set(chunk, boundingClientRect.height);
        }
      }
      return near;
    });
  };
  return new IntersectionObserver(onChange, { rootMargin: `${MARGIN_PX}px 0px` });
}
