/**
 * Notices that this process did not run for a while: a tick that is late, or wall and monotonic
 * time that part. A frozen cgroup moves both clocks (late tick); a restored machine moves only
 * the wall. It runs also while no link is up, because a wait of a minute must end at once then.
 */
import type { Clock, TimerId } from "../base/clock.ts";
import { limits } from "../base/limits.ts";
import type { ClockJump } from "./heartbeat.ts";

/** A freeze is noticed this soon after it ends. */
const TICK_MS = 500;

export function watchClock(clock: Clock, onJump: (jump: ClockJump) => void): { stop(): void } {
  let timer: TimerId = null;
  let monoMs = clock.mono();
  let wallMs = clock.now();

  function tick(): void {
    const nowMs = clock.mono();
    const nowWallMs = clock.now();
    const lateMs = nowMs - monoMs - TICK_MS;
    const skewMs = nowWallMs - wallMs - (nowMs - monoMs);
    monoMs = nowMs;
    wallMs = nowWallMs;
    timer = clock.setTimeout(tick, TICK_MS);
    if (lateMs > limits.CLOCK_JUMP_MS || Math.abs(skewMs) > limits.CLOCK_JUMP_MS) {
      onJump({ lateMs: Math.max(0, lateMs), skewMs });
    }
  }

  timer = clock.setTimeout(tick, TICK_MS);
  return { stop: () => clock.clearTimeout(timer) };
}
