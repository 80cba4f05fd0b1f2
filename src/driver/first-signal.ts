/**
 * Takes SIGUSR1 before anything else of the driver runs; main.ts imports this file first. Without
 * a handler Node would open its inspector inside the sandbox and Bun would die. Imports nothing.
 */
let nudged = false;
let listener: (() => void) | null = null;

process.on("SIGUSR1", () => {
  if (listener === null) nudged = true;
  else listener();
});

/** Sets the one listener. A signal that came earlier is told at once. */
export function onNudge(listen: () => void): void {
  listener = listen;
  if (!nudged) return;
  nudged = false;
  listen();
}
