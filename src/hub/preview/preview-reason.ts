/**
 * Why a preview shows no app, as one value for people and programs alike: the fault, what comes
 * next, and whether asking again helps. Pure.
 */
import { STATUS_CODES } from "node:http";
import { HubError } from "../../base/hub-error.ts";
import { isWorking, type SessionRecord } from "../../store/facts.ts";
import { problemOf, type Problem } from "../server/problem.ts";
import { whyNotRoutable } from "../session/not-routable.ts";

export interface Reason {
  readonly problem: Problem;
  /** Where a session stands on its way; null when it is on none. */
  readonly step: Step | null;
  /** A page that asks again by itself, seconds; null when that changes nothing. */
  readonly againSeconds: number | null;
  /** The visitor may wake it. */
  readonly canWake: boolean;
}

export interface Step {
  readonly at: number;
  readonly of: number;
  readonly text: string;
}

const WAKING_AGAIN_SECONDS = 1;
/** Somebody may be starting it right now. */
const NO_LISTENER_AGAIN_SECONDS = 2;

/** The way to the app broke, and is made anew by itself. */
const PASSING: ReadonlySet<string> = new Set([
  "LinkLost",
  "DriverRestarted",
  "DriverAbsent",
  "DriverDeaf",
  "LeaseExpired",
  "SessionNotConnected",
  "HubUnreachable",
]);

/** On the way to connected, in order; each row has the states in which it is under way. */
const WAY: readonly { readonly text: string; readonly details: RegExp }[] = [
  { text: "asking the platform", details: /\.(requesting|replacing|fallingBack)$/ },
  {
    text: "the sandbox comes up",
    details:
      /^creating\.(watching|activating|sorting|backingOff)$|^resuming\.(restarting|watching)$/,
  },
  { text: "waiting for its driver", details: /^nudging\.|^creating\.(bootstr|awaiting)/ },
  { text: "proving that it works", details: /\.(proving|rechecking)$/ },
];

/** The state of a session that cannot serve now. */
export function reasonOfState(record: SessionRecord): Reason {
  const fault = whyNotRoutable(record);
  const { state } = record;
  const isWaking = isWorking(state);
  const suspends = record.detail !== "suspended.paused";
  if (state === "suspended") {
    return reason(fault, 503, {
      canWake: !suspends,
      again: suspends ? WAKING_AGAIN_SECONDS : null,
    });
  }
  if (isWaking || state === "connected") {
    const step = isWaking ? stepOf(record.detail) : null;
    const said = new HubError(fault.code, wakingText(record, step), {
      hint: `It needs a moment; \`holdfast why ${record.name}\` tells more.`,
    });
    return reason(said, 503, { step, again: WAKING_AGAIN_SECONDS });
  }
  if (record.fault !== null) {
    const { code, diagnosis, message, hint } = record.fault;
    const text = `session ${record.name} is broken: ${message}`;
    return reason(new HubError(diagnosis ?? code, text, { hint }), 502, {});
  }
  return reason(fault, fault.kind.http, {});
}

/** What went wrong between hub and app, or with the request. */
export function reasonOf(error: unknown): Reason {
  const { status, code } = problemOf(error);
  if (PASSING.has(code)) return reason(error, 503, { again: WAKING_AGAIN_SECONDS });
  const again = code === "PortRefused" ? NO_LISTENER_AGAIN_SECONDS : null;
  return reason(error, status, { again });
}

function wakingText({ name, state }: SessionRecord, step: Step | null): string {
  if (step === null) return `session ${name} lost its driver a moment ago; it is on its way back`;
  const verb = state === "creating" ? "is starting" : "is waking";
  return `session ${name} ${verb}: step ${step.at} of ${step.of}, ${step.text}`;
}

export function stepOf(detail: string): Step {
  let at = 0;
  for (const [index, { details }] of WAY.entries()) if (details.test(detail)) at = index;
  return { at: at + 1, of: WAY.length, text: WAY[at]?.text ?? "" };
}

/** For a visitor an app that does not serve is unavailable, whatever its session calls it. */
function reason(
  error: unknown,
  status: number,
  more: { step?: Step | null; again?: number | null; canWake?: boolean },
): Reason {
  const { step = null, again = null, canWake = false } = more;
  const problem = { ...problemOf(error), status, title: STATUS_CODES[status] ?? "Error" };
  return { problem, step, againSeconds: again, canWake };
}
