/**
 * Deleting a sandbox until it is true: asked again and again, at a pace that slows down. As long as
 * it is not, health says so.
 */
import { sleep } from "../../base/deadline.ts";
import { toHubError } from "../../base/hub-error.ts";
import type { WorkDeps } from "./work-desk.ts";

const CLEAN_EVERY_MIN_MS = 100;
/** Cleaning never gives up; this is its slowest pace. */
export const CLEAN_EVERY_MAX_MS = 5_000;

export async function clearAway(
  { provider, clock, log, board }: Pick<WorkDeps, "provider" | "clock" | "log" | "board">,
  idOrName: string,
  signal?: AbortSignal,
): Promise<void> {
  let waitMs = CLEAN_EVERY_MIN_MS;
  for (let asked = 1; ; asked++) {
    try {
      if (await provider.destroy(idOrName, signal)) return;
      board.warned("DeletePending", `${idOrName} was deleted ${asked} times and is still there`);
    } catch (error) {
      // 409 while the platform is busy, or no answer: deleting is repeated until it is true.
      const { message } = toHubError(error);
      log.warn({ idOrName, error: message }, "sandbox not deleted yet");
      board.warned("DeletePending", `${idOrName} is not deleted after ${asked} tries: ${message}`);
      if (toHubError(error).kind.retry === "never" && signal?.aborted === true) throw error;
    }
    await sleep(clock, waitMs, signal);
    waitMs = Math.min(CLEAN_EVERY_MAX_MS, waitMs * 2);
  }
}
