/** Why a WebSocket was closed, and what the side that dialled does about it. */
export type Redial = "retry" | "retry-later" | "stop";

export interface CloseCode {
  readonly code: number;
  readonly name: string;
  readonly redial: Redial;
}

export const CloseCodes = {
  normal: { code: 1000, name: "normal", redial: "stop" },
  goingAway: { code: 4000, name: "going-away", redial: "retry" },
  /** A driver's own: it rests until a nudge, a jump of its clock, or its time is up. */
  checkpoint: { code: 4001, name: "checkpoint", redial: "retry-later" },
  badFrame: { code: 4400, name: "bad-frame", redial: "retry" },
  unauthenticated: { code: 4401, name: "unauthenticated", redial: "stop" },
  versionUnsupported: { code: 4402, name: "version-unsupported", redial: "stop" },
  forbidden: { code: 4403, name: "forbidden", redial: "stop" },
  sessionUnknown: { code: 4404, name: "session-unknown", redial: "stop" },
  helloTimeout: { code: 4408, name: "hello-timeout", redial: "retry" },
  fenced: { code: 4409, name: "fenced", redial: "retry-later" },
  cloneSuspected: { code: 4412, name: "clone-suspected", redial: "retry-later" },
  slowConsumer: { code: 4414, name: "slow-consumer", redial: "retry" },
  rateLimited: { code: 4429, name: "rate-limited", redial: "retry-later" },
  internal: { code: 4500, name: "internal", redial: "retry" },
} as const satisfies Record<string, CloseCode>;

/** A socket that ended without a word of its peer; never on the wire. */
export const NO_CLOSE_FRAME = 1006;

/** Codes outside the table (1001, 1006, 1012 …) come from networks and proxies: retry. */
export function redialAfter(code: number): Redial {
  for (const known of Object.values(CloseCodes)) if (known.code === code) return known.redial;
  return "retry";
}
