/**
 * The words of the session chart: context, actors, guards, actions, delays. What can be said
 * without a clock or a policy is implemented here; the rest is a placeholder that refuses to run
 * until bind.ts provides it.
 */
import { assign, fromPromise, setup } from "xstate";
import { noCounts, noStarts, type LadderCounts, type Rung } from "../../store/facts.ts";
import type { SessionFault, StartCounts } from "../../store/facts.ts";
import type {
  Assessment,
  BootState,
  ControlFound,
  Launched,
  Proof,
  SandboxFound,
  SessionInput,
  SessionMachineEvent,
  SignalResult,
} from "./events.ts";
import { WorkFailure } from "./events.ts";
import { UNSEEN } from "./ladder-counts.ts";
import { countRetry, type StartStep } from "./start-law.ts";
import type { Flapping, LadderRung, LadderStep, WayIn } from "./ladder-plan.ts";
import { PLATFORM_SILENT } from "./way-in-faults.ts";
import type { SessionWorks } from "./works.ts";

export interface SessionContext {
  readonly works: SessionWorks;
  readonly boot: BootState;
  readonly attempt: number;
  /** Wall ms at which the attempt began. */
  readonly attemptAt: number;
  /** Wall ms; the only source of every attempt timer. */
  readonly deadlineAt: number | null;
  readonly sandboxId: string | null;
  /** Epoch of the attached driver; null while none is attached. */
  readonly epoch: number | null;
  /** The highest rung that this attempt climbed. */
  readonly rung: Rung;
  readonly counts: LadderCounts;
  /** Which ways to start this attempt has used up. */
  readonly starts: StartCounts;
  /** The last nudge found no process of the driver. */
  readonly driverDead: boolean;
  /** The platform's way in as it was beside the last nudge: enough to choose gentle rungs by. */
  readonly look: WayIn;
  /** What the look before a destructive rung found; `unseen` after each change of the sandbox. */
  readonly wayIn: WayIn;
  /** When that look ended, wall ms; null when there was none, or it failed. */
  readonly wayInAt: number | null;
  readonly control: ControlFound["verdict"] | null;
  /** What comes and goes, once this attempt has waited it out. */
  readonly held: Flapping | null;
  /** The sentence of the law that led to the step at hand. */
  readonly why: string;
  /** Why the pause before this attempt was refused. */
  readonly refusal: SessionFault | null;
  readonly fault: SessionFault | null;
}

/** Which deadline an attempt gets when it starts. */
export type DeadlineKind = "createMs" | "resumeMs" | "healMs" | "pauseMs";

const unbound = <T>(name: string): ReturnType<typeof fromPromise<T, SessionContext>> =>
  fromPromise<T, SessionContext>(() => Promise.reject(new Error(`actor ${name} is not bound`)));

const notBound = (name: string): never => {
  throw new Error(`${name} is not bound`);
};

export const ATTEMPT_START = {
  ...UNSEEN,
  counts: noCounts,
  starts: noStarts,
  rung: "none",
  held: null,
  why: "",
  refusal: null,
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
    assessSandbox: unbound<Assessment>("assessSandbox"),
    consultControl: unbound<ControlFound>("consultControl"),
    holdStill: unbound<Launched>("holdStill"),
    restartSandbox: unbound<Launched>("restartSandbox"),
    replaceSandbox: unbound<Launched>("replaceSandbox"),
    proveSession: unbound<Proof>("proveSession"),
    awaitRecovery: unbound<Launched>("awaitRecovery"),
    patrol: unbound<Proof>("patrol"),
    pauseSandbox: unbound<Launched>("pauseSandbox"),
    removeSandbox: unbound<Launched>("removeSandbox"),
  },
  delays: {
    attemptLeft: () => notBound("attemptLeft"),
    rungLeft: () => notBound("rungLeft"),
    driverWait: () => notBound("driverWait"),
    retryWait: () => notBound("retryWait"),
    nudgeWait: () => notBound("nudgeWait"),
    recheckWait: () => notBound("recheckWait"),
    lookAgain: () => notBound("lookAgain"),
  },
  guards: {
    bootsAs: ({ context }, boot: BootState) => context.boot === boot,
    isAttached: ({ context }) => context.epoch !== null,
    isCurrentEpoch: ({ context, event }) => "epoch" in event && event.epoch === context.epoch,
    hasSandbox: ({ context }) => context.sandboxId !== null,
    /** A sandbox is being stopped, started or replaced by the ladder, within its rung's time. */
    isOnRung: ({ context }) => context.rung === "restart" || context.rung === "replace",
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
    hasFallenBack: ({ context }) => context.starts.fellBack,
    /** The one decision after a start that failed; see start-law.ts. */
    startStepIs: (_, step: StartStep) => notBound(`startStepIs ${step}`),
    /** The ladder's one decision; see ladder-plan.ts. */
    stepIs: (_, step: LadderStep) => notBound(`stepIs ${step}`),
    relaunchesLeft: () => notBound("relaunchesLeft"),
    rechecksLeft: () => notBound("rechecksLeft"),
  },
  actions: {
    noteDriver: assign(({ context, event }) => ({
      ...UNSEEN,
      epoch: event.type === "driver.attached" ? event.epoch : context.epoch,
    })),
    /** It came up: what earlier tries died of is over. */
    noteSandbox: assign(({ event }) => ({
      sandboxId: "output" in event ? (event.output as SandboxFound).sandboxId : null,
      fault: null,
    })),
    forgetDriver: assign({ epoch: null }),
    clearBudgets: assign(ATTEMPT_START),
    clearRechecks: assign(({ context }) => count(context, { rechecks: 0 })),
    clearDeadline: assign({ deadlineAt: null }),
    settle: assign({ ...ATTEMPT_START, fault: null, deadlineAt: null }),
    // What was seen of it while it rested says nothing about it once it runs.
    countWake: assign(({ context }) => ({
      ...count(context, { wakes: context.counts.wakes + 1 }),
      look: "unseen" as const,
      wayIn: "unseen" as const,
    })),
    countTry: assign(({ context }) => ({
      ...count(context, { tries: context.counts.tries + 1 }),
      starts: countRetry(context.starts, context.fault),
    })),
    countActivation: assign(({ context: { starts } }) => ({
      starts: { ...starts, activations: starts.activations + 1 },
    })),
    fallBack: assign(({ context: { starts } }) => ({ starts: { ...starts, fellBack: true } })),
    /** A sandbox that did not come up is left to the janitor. */
    giveUpSandbox: () => notBound("giveUpSandbox"),
    /** The same, where the start ends and nothing in it may be kept. */
    giveUpLitter: () => notBound("giveUpLitter"),
    forgetSandbox: assign({ sandboxId: null }),
    noteDriverDead: assign({ driverDead: true }),
    noteLook: assign(({ context, event }) => ({
      look: "output" in event ? (event.output as SignalResult).look : context.look,
    })),
    /** What the patrol expects to find again: the fault with which a session stays connected. */
    believe: assign(({ context, event }) => ({ fault: proofOf(event)?.degraded ?? context.fault })),
    forgetFault: assign({ fault: null }),
    /** The fault of the actor that just failed. */
    rememberFailure: assign(({ context, event }) => ({
      fault: failureOf(event)?.fault ?? context.fault,
    })),
    rememberRefusal: assign(({ event }) => ({ refusal: failureOf(event)?.fault ?? null })),
    /** A new attempt has a number, a begin and whole budgets. */
    startAttempt: () => notBound("startAttempt"),
    /** Starts an absolute deadline of the given kind. */
    setDeadline: (_, kind: DeadlineKind) => notBound(`setDeadline ${kind}`),
    /** Counts one step of a rung, and starts its deadline when the rung is new. */
    climbTo: (_, rung: LadderRung) => notBound(`climbTo ${rung}`),
    /** What comes and goes is named as the fault, for as long as nothing better is known. */
    rememberFlapping: () => notBound("rememberFlapping"),
    /** A deadline or a budget ran out: the newest evidence says why. */
    rememberExhausted: () => notBound("rememberExhausted"),
  },
});

function count(context: SessionContext, change: Partial<LadderCounts>): Partial<SessionContext> {
  return { counts: { ...context.counts, ...change } };
}

/** The output of a proof that just ended. */
export function proofOf(event: object): Proof | null {
  return "output" in event ? (event.output as Proof) : null;
}

export function failureOf(event: object): WorkFailure | null {
  return "error" in event && event.error instanceof WorkFailure ? event.error : null;
}
