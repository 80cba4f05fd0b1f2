/** The control desk of a hub that asks no control sandbox: it knows nothing and delays nothing. */
import type { Clock } from "../../src/base/clock.ts";
import type { ControlDesk } from "../../src/hub/session/work-desk.ts";

export function createNoControl(clock: Clock): ControlDesk {
  return {
    consult: () =>
      Promise.resolve({
        verdict: "unknown",
        text: "no control sandbox was asked",
        at: clock.now(),
        tookMs: 0,
      }),
    whyNoRung: () => null,
    destructive: (_, work) => work(),
  };
}
