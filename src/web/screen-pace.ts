/**
 * Lets the screen set the pace: bytes count as taken once they are drawn, but for one small
 * buffer, so that neither a chunk waits for a frame of its own nor a flood fills the tab.
 */
import type { TakeBytes } from "../client/index.ts";
import type { Screen } from "./shell-link.ts";

/** xterm.js draws some MB/s; this is a few of its frames and far below the stream's window. */
const UNDRAWN_BYTES_MAX = 64 * 1024;

export function paceScreen(screen: Pick<Screen, "write">): TakeBytes {
  let undrawn = 0;
  let resume: (() => void) | null = null;
  return (bytes) => {
    undrawn += bytes.length;
    screen.write(bytes, () => {
      undrawn -= bytes.length;
      if (undrawn > UNDRAWN_BYTES_MAX / 2 || resume === null) return;
      resume();
      resume = null;
    });
    if (undrawn < UNDRAWN_BYTES_MAX) return undefined;
    return new Promise((resolve) => (resume = resolve));
  };
}
