/**
 * One second for the whole page. Whoever shows an age listens and changes its own text node, so a
 * thousand ages cost no rendering; a page that nobody sees does not tick.
 */
const TICK_MS = 1_000;

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | null = null;

/** Returns the end of the subscription. */
export function onTick(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(tick, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
}

function tick(): void {
  if (document.hidden) return;
  for (const listener of listeners) listener();
}
