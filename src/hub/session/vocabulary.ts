/**
 * The words of the session chart: context, actors, guards, actions, delays. What can be said
 * without a clock or a policy is implemented here; the rest is a placeholder that refuses to run
 * until bind.ts provides it.
 */
import { assign, fromPromise, setup } from "xstate";
import type { FaultCode } from "../../base/faults.ts";
import type { Rung, SessionFault } from "../../store/facts.ts";
import type {
  BootState,
  Launched,
  Proof,
  SandboxFound,
  SessionInput,
  SessionMachineEvent,
  SignalResult,
} from "./events.ts";
import { WorkFailure } from "./events.ts";
import { countRetry, noStarts, type StartCounts, type StartStep } from "./start-law.ts";
import type { SessionWorks } from "./works.ts";

export interface SessionContext {
  readonly works: SessionWorks;
  readonly boot: BootState;
  readonly attempt: number;
  /** Wall ms; the only source of every attempt timer. */
  readonly deadlineAt: number | null;
  readonly sandboxId: string | null;
  /** Epoch of the attached driver; null while none is attached. */
  readonly epoch: number | null;
  readonly rung: Rung;
  readonly nudges: number;
  readonly relaunches: number;
  readonly restarts: number;
  /** Sandboxes asked for in this attempt. */
  readonly tries: number;
  /** Times that this attempt found the sandbox stopped and started it. */
  readonly wakes: number;
  readonly rechecks: number;
  /** Which ways to start this attempt has used up. */
  readonly starts: StartCounts;
  readonly fault: SessionFault | null;
}

/** Which deadline an attempt gets when it starts. */
export type DeadlineKind = "createMs" | "resumeMs" | "healMs" | "pauseMs";

const unbound = <T>(name: string): ReturnType<typeof fromPromise<T, SessionContext>> =>
  fromPromise<T, SessionContext>(() => Promise.reject(new Error(`actor ${name} is not bound`)));

const notBound = (name: string): never => {
  throw new Error(`${name} is not bound`);
};

/** The platform does not let us look: this says nothing about any one sandbox. */
export const PLATFORM_SILENT: readonly FaultCode[] = [
  "PlatformDown",
  "PlatformTimeout",
  "PlatformRateLimited",
  "PlatformAuthRejected",
];

/** A sandbox that stops again and again is not healed by starting it. */
const WAKES_MAX = 2;

const BUDGET_START = {
  nudges: 0,
  relaunches: 0,
  rechecks: 0,
  restarts: 0,
  tries: 1,
  wakes: 0,
  starts: noStarts,
  rung: "none",
} as const;

export const vocabulary = setup({
  types: {
    context: {} as SessionContext,
    events: {} as SessionMachineEvent,
    input: {} as SessionInput,
    tags: {} as "routable" | "working",
  },
  actors: {
    activateSnapshot: unbound<Launched>("activateSnapshot"),
    requestSandbox: unbound<SandboxFound>("requestSandbox"),
    watchSandbox: unbound<SandboxFound>("watchSandbox"),
    wakeSandbox: unbound<Launched>("wakeSandbox"),
    launchDriver: unbound<Launched>("launchDriver"),
    signalDriver: unbound<SignalResult>("signalDriver"),
    restartSandbox: unbound<Launched>("restartSandbox"),
    proveSession: unbound<Proof>("proveSession"),
    awaitRecovery: unbound<Launched>("awaitRecovery"),
    patrol: unbound<Proof>("patrol"),
    pauseSandbox: unbound<Launched>("pauseSandbox"),
    removeSandbox: unbound<Launched>("removeSandbox"),
  },
  delays: {
    attemptLeft: () => notBound("attemptLeft"),
    driverWait: () => notBound("driverWait"),
    retryWait: () => notBound("retryWait"),
    nudgeWait: () => notBound("nudgeWait"),
    recheckWait: () => notBound("recheckWait"),
  },
  guards: {
    bootsAs: ({ context }, boot: BootState) => context.boot === boot,
    isAttached: ({ context }) => context.epoch !== null,
    isCurrentEpoch: ({ context, event }) => "epoch" in event && event.epoch === context.epoch,
    hasSandbox: ({ context }) => context.sandboxId !== null,
    /** Nothing is left of the sandbox: only another one can help. */
    needsFreshSandbox: ({ context }) => context.fault?.code === "SandboxGone",
    isHealable: ({ context }) => context.fault?.retryable === true,
    outcomeUnknown: ({ event }) => failureOf(event)?.outcomeUnknown === true,
    /** Keys, quota and configuration: climbing would only repeat the refusal. */
    noRungHelps: ({ event }) => failureOf(event)?.fault.retryable === false,
    /** All is well inside; the platform lets nobody look. */
    platformSilent: ({ event }) => {
      const code = proofOf(event)?.degraded?.code;
      return code !== undefined && PLATFORM_SILENT.includes(code);
    },
    /** All is well inside; the platform's way into this one sandbox is broken. */
    isDegraded: ({ event }) => (proofOf(event)?.degraded ?? null) !== null,
    stoppedAndWakesLeft: ({ context, event }) =>
      context.wakes < WAKES_MAX && proofOf(event)?.fault?.code === "SandboxStopped",
    hasFallenBack: ({ context }) => context.starts.fellBack,
    /** The one decision after a start that failed; see start-law.ts. */
    startStepIs: (_, step: StartStep) => notBound(`startStepIs ${step}`),
    restartWarranted: () => notBound("restartWarranted"),
    nudgesLeft: () => notBound("nudgesLeft"),
    relaunchesLeft: () => notBound("relaunchesLeft"),
    rechecksLeft: () => notBound("rechecksLeft"),
  },
  actions: {
    noteDriver: assign(({ context, event }) => ({
      epoch: event.type === "driver.attached" ? event.epoch : context.epoch,
    })),
    /** It came up: what earlier tries died of is over. */
    noteSandbox: assign(({ event }) => ({
      sandboxId: "output" in event ? (event.output as SandboxFound).sandboxId : null,
      fault: null,
    })),
    forgetDriver: assign({ epoch: null }),
    startAttempt: assign(({ context }) => ({
      ...BUDGET_START,
      attempt: context.attempt + 1,
      fault: null,
    })),
    clearBudgets: assign(BUDGET_START),
    clearRechecks: assign({ rechecks: 0 }),
    clearDeadline: assign({ deadlineAt: null }),
    settle: assign({ ...BUDGET_START, fault: null, deadlineAt: null }),
    countWake: assign(({ context }) => ({ wakes: context.wakes + 1 })),
    countTry: assign(({ context }) => ({
      tries: context.tries + 1,
      starts: countRetry(context.starts, context.fault),
    })),
    countActivation: assign(({ context: { starts } }) => ({
      starts: { ...starts, activations: starts.activations + 1 },
    })),
    fallBack: assign(({ context: { starts } }) => ({ starts: { ...starts, fellBack: true } })),
    /** A sandbox that did not come up is left to the janitor. */
    giveUpSandbox: () => notBound("giveUpSandbox"),
    forgetSandbox: assign({ sandboxId: null }),
    countNudge: assign(({ context }) => ({
      nudges: context.nudges + 1,
      rung: context.rung === "restart" ? context.rung : "nudge",
    })),
    countRelaunch: assign(({ context }) => ({
      relaunches: context.relaunches + 1,
      rung: context.rung === "restart" ? context.rung : "relaunch",
    })),
    countRestart: assign(({ context }) => ({
      restarts: context.restarts + 1,
      nudges: 0,
      relaunches: 0,
      rung: "restart",
    })),
    countRecheck: assign(({ context }) => ({
      rechecks: context.rechecks + 1,
      rung: context.rung === "none" ? "recheck" : context.rung,
    })),
    /** What the patrol expects to find again: the fault with which a session stays connected. */
    believe: assign(({ context, event }) => ({ fault: proofOf(event)?.degraded ?? context.fault })),
    forgetFault: assign({ fault: null }),
    /** The fault of the actor that just failed. */
    rememberFailure: assign(({ context, event }) => ({
      fault: failureOf(event)?.fault ?? context.fault,
    })),
    /** Starts an absolute deadline of the given kind. */
    setDeadline: (_, kind: DeadlineKind) => notBound(`setDeadline ${kind}`),
    /** A deadline or a budget ran out: the newest evidence says why. */
    rememberExhausted: () => notBound("rememberExhausted"),
  },
});

/** The output of a proof that just ended. */
function proofOf(event: object): Proof | null {
  return "output" in event ? (event.output as Proof) : null;
}

function failureOf(event: object): WorkFailure | null {
  return "error" in event && event.error instanceof WorkFailure ? event.error : null;
}
