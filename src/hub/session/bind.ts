/** Binds the chart to the work of one session, to its policy and to the house clock. */
import { assign, fromPromise } from "xstate";
import { HubError } from "../../base/hub-error.ts";
import type { FaultCode } from "../../base/faults.ts";
import { judge } from "../../probes/verdict.ts";
import type { DriverWork } from "./driver-work.ts";
import { WorkFailure, type Proof } from "./events.ts";
import { faultFrom } from "./fault-from.ts";
import { sessionMachine, type SessionMachine } from "./machine.ts";
import type { SandboxWork } from "./sandbox-work.ts";
import type { DeadlineKind, SessionContext } from "./vocabulary.ts";
import type { WorkDesk } from "./work-desk.ts";

type Work<T> = (context: SessionContext, signal: AbortSignal) => Promise<T>;

const actor = <T>(work: Work<T>) =>
  fromPromise<T, SessionContext>(({ input, signal }) => work(input, signal));

export function bindMachine(
  desk: WorkDesk,
  sandbox: SandboxWork,
  driver: DriverWork,
): SessionMachine {
  const { policy, clock, board } = desk.deps;
  return sessionMachine.provide({
    actors: {
      requestSandbox: actor((context, signal) => sandbox.requestSandbox(context, signal)),
      watchSandbox: actor((context, signal) => sandbox.watchSandbox(context, signal)),
      wakeSandbox: actor((context, signal) => sandbox.wakeSandbox(context, signal)),
      pauseSandbox: actor((context, signal) => sandbox.pauseSandbox(context, signal)),
      removeSandbox: actor((context, signal) => sandbox.removeSandbox(context, signal)),
      restartSandbox: actor((context, signal) => sandbox.restartSandbox(context, signal)),
      launchDriver: actor((context, signal) => driver.launchDriver(context, signal)),
      signalDriver: actor((context, signal) => driver.signalDriver(context, signal)),
      proveSession: actor((context, signal) => driver.proveSession(context, signal)),
      awaitRecovery: actor((context, signal) => driver.awaitRecovery(context, signal)),
      patrol: actor((context, signal) => driver.patrol(context, signal)),
    },
    delays: {
      attemptLeft: ({ context }) => Math.max(0, (context.deadlineAt ?? 0) - clock.now()),
      driverWait: () => policy.driverWaitMs,
      nudgeWait: ({ context }) => entry(policy.nudgeWaitsMs, context.nudges),
      confirmWait: () => policy.confirmMs,
      recheckWait: ({ context }) => entry(policy.recheckWaitsMs, context.rechecks),
    },
    guards: {
      startTriesLeft: ({ context, event }) =>
        context.tries < policy.startTriesMax && isStartFailure(event),
      nudgesLeft: ({ context }) => context.nudges < policy.nudgeWaitsMs.length,
      relaunchesLeft: ({ context }) => context.relaunches < policy.relaunchesMax,
      restartWarranted: ({ context, event }) =>
        context.restarts < policy.restartsMax && context.epoch === null && insideIsBroken(event),
      rechecksLeft: ({ context, event }) =>
        context.rechecks < policy.recheckWaitsMs.length && !isRefusal(event),
    },
    actions: {
      setDeadline: assign((_, kind: DeadlineKind) => ({ deadlineAt: clock.now() + policy[kind] })),
      rememberExhausted: assign(({ context }) => {
        const error = exhausted(context, board.evidence);
        board.stepped("deadline", false, error.message);
        return { fault: faultFrom(error, desk.place(context)) };
      }),
    },
  });
}

/** The platform took the request and brought no sandbox: another one may fare better. */
function isStartFailure(event: object): boolean {
  if (!("error" in event) || !(event.error instanceof WorkFailure)) return false;
  return event.error.fault.category === "startup" && event.error.fault.retryable;
}

/** The platform does not want us: looking again would only repeat that. */
function isRefusal(event: object): boolean {
  return "output" in event && (event.output as Proof).fault?.retryable === false;
}

/**
 * The positive evidence for a restart, from two channels: no driver is here, and the platform's own
 * way into the sandbox fails, too. One of them alone may be the channel's fault, and a restart ends
 * whatever the user runs.
 */
function insideIsBroken(event: object): boolean {
  if (!("error" in event) || !(event.error instanceof WorkFailure)) return false;
  return INSIDE_BROKEN.includes(event.error.fault.code);
}

const INSIDE_BROKEN: readonly FaultCode[] = [
  "ExecBroken",
  "ExecQueued",
  "FilesystemBroken",
  "FilesystemMountMissing",
  "PlatformTimeout",
];

/** The nth wait, counted from one; before the first there is the first. */
function entry(waitsMs: readonly number[], count: number): number {
  return waitsMs[Math.max(0, Math.min(waitsMs.length, count) - 1)] ?? 0;
}

/** A deadline or budget ran out: what the evidence says is wrong, else that nobody came. */
function exhausted(context: SessionContext, evidence: Parameters<typeof judge>[0]): HubError {
  const tried = `${context.nudges} nudges, ${context.relaunches} relaunches`;
  if (context.sandboxId === null) {
    return new HubError("SandboxStartStalled", "the platform did not start the sandbox in time");
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
