/** Binds the chart, once for all sessions, to their work, their policy and the house clock. */
import { assign, fromPromise } from "xstate";
import { counted } from "../../base/counted.ts";
import { HubError } from "../../base/hub-error.ts";
import type { FaultCode } from "../../base/faults.ts";
import { judge } from "../../probes/verdict.ts";
import { whereKept } from "../../store/refusal.ts";
import { faultFrom } from "./fault-from.ts";
import { climbed } from "./ladder-counts.ts";
import { ladderFacts } from "./ladder-facts.ts";
import { nextStep, type LadderRung, type LadderStep } from "./ladder-plan.ts";
import { sessionMachine, type SessionMachine } from "./machine.ts";
import type { SessionPolicy } from "./policy.ts";
import { leavesLitter, nextStart, retryWaitMs, startExhausted, startMs } from "./start-law.ts";
import type { StartFacts, StartStep } from "./start-law.ts";
import { ATTEMPT_START, proofOf, type DeadlineKind, type SessionContext } from "./vocabulary.ts";
import type { SessionWorks } from "./works.ts";

/** How often a silent sandbox is looked at before its silence is believed. */
const LOOKS_PER_SILENCE = 8;

type Work<T> = (works: SessionWorks, context: SessionContext, signal: AbortSignal) => Promise<T>;

const actor = <T>(work: Work<T>) =>
  fromPromise<T, SessionContext>(({ input, signal }) => {
    // The fact of this very transition was refused: the machine stops as soon as it is through.
    const { isHalted } = input.works.desk.deps;
    if (isHalted()) return Promise.reject(new HubError("StoreRefuses", "it stands still"));
    return work(input.works, input, signal);
  });

const policyOf = ({ works }: SessionContext): SessionPolicy => works.desk.deps.policy;
const nowOf = ({ works }: SessionContext): number => works.desk.deps.clock.now();

/** One machine for all sessions: each finds its works in its context. */
export const boundMachine: SessionMachine = sessionMachine.provide({
  actors: {
    activateSnapshot: actor(({ start }, context, signal) =>
      start.activateSnapshot(context, signal),
    ),
    requestSandbox: actor(({ start }, context, signal) => start.requestSandbox(context, signal)),
    watchSandbox: actor(({ start }, context, signal) => start.watchSandbox(context, signal)),
    wakeSandbox: actor(({ sandbox }, context, signal) => sandbox.wakeSandbox(context, signal)),
    pauseSandbox: actor(({ sandbox }, context, signal) => sandbox.pauseSandbox(context, signal)),
    removeSandbox: actor(({ sandbox }, context, signal) => sandbox.removeSandbox(context, signal)),
    assessSandbox: actor(({ ladder }, context, signal) => ladder.assessSandbox(context, signal)),
    consultControl: actor(({ ladder }, context, signal) => ladder.consultControl(context, signal)),
    holdStill: actor(({ ladder }, context, signal) => ladder.holdStill(context, signal)),
    restartSandbox: actor(({ ladder }, context, signal) => ladder.restartSandbox(context, signal)),
    replaceSandbox: actor(({ ladder }, context, signal) => ladder.replaceSandbox(context, signal)),
    launchDriver: actor(({ driver }, context, signal) => driver.launchDriver(context, signal)),
    signalDriver: actor(({ driver }, context, signal) => driver.signalDriver(context, signal)),
    proveSession: actor(({ proof, desk }, context, signal) => {
      const { ledger, proofs } = desk.deps;
      const prove = () => proof.proveSession(context, signal);
      const { id, state } = ledger.record;
      return state === "connected" ? prove() : proofs.inTurn(id, prove, signal);
    }),
    awaitRecovery: actor(({ proof }, context, signal) => proof.awaitRecovery(context, signal)),
    patrol: actor(({ proof }, context, signal) => proof.patrol(context, signal)),
  },
  delays: {
    attemptLeft: ({ context }) => Math.max(0, (context.deadlineAt ?? 0) - nowOf(context)),
    retryWait: ({ context }) => retryWaitMs(context.starts, policyOf(context)),
    rungLeft: ({ context }) => {
      const { rungDeadlineAt } = context.counts;
      return Math.max(0, (rungDeadlineAt ?? context.deadlineAt ?? 0) - nowOf(context));
    },
    driverWait: ({ context }) => policyOf(context).driverWaitMs,
    nudgeWait: ({ context }) => entry(policyOf(context).nudgeWaitsMs, context.counts.nudges),
    lookAgain: ({ context }) => {
      const { board, queue } = context.works.desk.deps;
      const awayMs = Math.max(board.restLeftMs, queue?.leftMs ?? 0);
      return awayMs > 0 ? awayMs : policyOf(context).silenceMs / LOOKS_PER_SILENCE;
    },
    recheckWait: ({ context }) => entry(policyOf(context).recheckWaitsMs, context.counts.rechecks),
  },
  guards: {
    startStepIs: ({ context }, step: StartStep) => nextStart(startFacts(context)) === step,
    stepIs: ({ context }, step: LadderStep) => nextStep(ladderFacts(context)).step === step,
    relaunchesLeft: ({ context }) => context.counts.relaunches < policyOf(context).relaunchesMax,
    rechecksLeft: ({ context, event }) =>
      context.counts.rechecks < policyOf(context).recheckWaitsMs.length && !isSettled(event),
  },
  actions: {
    startAttempt: assign(({ context }) => ({
      ...ATTEMPT_START,
      attempt: context.attempt + 1,
      attemptAt: nowOf(context),
      fault: null,
    })),
    setDeadline: assign(({ context }, kind: DeadlineKind) => ({
      deadlineAt: nowOf(context) + attemptMs(context, kind),
    })),
    giveUpSandbox: assign(({ context }) => giveUp(context)),
    giveUpLitter: assign(({ context }) => {
      const { sandboxId } = context.works.desk.deps.ledger.record;
      return leavesLitter(context.fault, sandboxId) ? giveUp(context) : {};
    }),
    climbTo: assign(({ context }, rung: LadderRung) => {
      const { why } = nextStep(ladderFacts(context));
      return { ...climbed(context, rung, nowOf(context), policyOf(context)), why };
    }),
    rememberFlapping: assign(({ context }) => {
      const { desk } = context.works;
      const held = desk.deps.flaps.flapping;
      const { why } = nextStep(ladderFacts(context));
      const code = held === "driver" ? "DriverCrashLoop" : "SandboxFlapping";
      return { held, why, fault: faultFrom(new HubError(code, why), desk.place(context)) };
    }),
    rememberExhausted: assign(({ context }) => {
      const { desk } = context.works;
      const { board } = desk.deps;
      const facts = ladderFacts(context);
      board.stepped("ladder", false, facts.leftMs > 0 ? nextStep(facts).why : "time is up");
      const error = exhausted(context, board.evidence);
      return { fault: faultFrom(error, desk.place(context)) };
    }),
  },
});

/** An action that threw would end the machine and leave its work running. */
function giveUp(context: SessionContext): Partial<Pick<SessionContext, "sandboxId">> {
  const kept = whereKept(() => context.works.start.giveUp(context.fault));
  return kept ? { sandboxId: null } : {};
}

function startFacts(context: SessionContext): StartFacts {
  const { fault, starts, deadlineAt } = context;
  const { spec } = context.works.desk.deps.ledger.record;
  const leftMs = (deadlineAt ?? 0) - nowOf(context);
  return { fault, counts: starts, spec, policy: policyOf(context), leftMs };
}

function attemptMs(context: SessionContext, kind: DeadlineKind): number {
  if (kind !== "createMs") return policyOf(context)[kind];
  return startMs(context.works.desk.deps.ledger.record.spec, policyOf(context));
}

/** Refused, gone or stopped by the platform's own word: looking again would only repeat that. */
function isSettled(event: object): boolean {
  const fault = proofOf(event)?.fault ?? null;
  if (fault === null) return false;
  return !fault.retryable || fault.code === "SandboxGone" || fault.code === "SandboxStopped";
}

/** The nth wait, counted from one; before the first there is the first. */
function entry(waitsMs: readonly number[], count: number): number {
  return waitsMs[Math.max(0, Math.min(waitsMs.length, count) - 1)] ?? 0;
}

/** A deadline or budget ran out: what the evidence says is wrong, else that nobody came. */
function exhausted(context: SessionContext, evidence: Parameters<typeof judge>[0]): HubError {
  const { nudges, relaunches, restarts, replaces } = context.counts;
  const tried = [
    counted(nudges, "nudge"),
    counted(relaunches, "relaunch"),
    ...(restarts + replaces === 0
      ? []
      : [counted(restarts, "restart"), counted(replaces, "replacement")]),
  ].join(", ");
  if (context.sandboxId === null) {
    return startExhausted(context.fault, context.works.desk.deps.ledger.record);
  }
  const claim = context.works.desk.deps.board.claim;
  if (context.epoch === null && claim?.state === "starting") {
    const said = `the platform still says ${claim.platformState} (time is up after ${tried})`;
    return new HubError("SandboxStartStalled", said);
  }
  if (context.fault !== null) {
    return new HubError(context.fault.code, `${context.fault.message} (after ${tried})`);
  }
  if (context.epoch === null) {
    return new HubError("DriverAbsent", `no driver came back (after ${tried})`);
  }
  const verdict = judge(evidence, context.epoch);
  const proven = verdict.code === "Connected" || verdict.code === "Unproven";
  const code: FaultCode = proven ? "SandboxStartStalled" : verdict.code;
  return new HubError(code, `${verdict.text} (time is up after ${tried})`);
}
