/**
 * The chart of one session. Names only: the words are in vocabulary.ts, what the actors do is
 * bound in bind.ts, what the numbers are is in policy.ts. How a sandbox comes up is in
 * start-states.ts, how a session is proved in proof-states.ts.
 *
 * SM1  Only a proof leads to connected, and a proof is of the attached epoch.
 * SM2  A platform status alone moves nothing towards connected.
 * SM3  Every state but suspended.paused, connected, error and ended has an absolute deadline.
 * SM4  A connected session is never nudged; a driver that leaves or changes ends connected.
 * SM5  Each invoke has both outcomes.
 */
import { assign, type SnapshotFrom } from "xstate";
import { proving, rechecking } from "./proof-states.ts";
import { creating, resuming } from "./start-states.ts";
import { vocabulary, type DeadlineKind } from "./vocabulary.ts";
import type { BootState } from "./events.ts";

const deadline = (kind: DeadlineKind) => ({ type: "setDeadline", params: kind }) as const;
const bootsAs = (boot: BootState) => ({ type: "bootsAs", params: boot }) as const;

const nudging = vocabulary.createStateConfig({
  id: "nudging",
  tags: "working",
  initial: "deciding",
  after: { attemptLeft: { target: "error", actions: "rememberExhausted" } },
  on: { "driver.attached": { target: ".proving", actions: ["noteDriver", "clearRechecks"] } },
  states: {
    deciding: {
      always: [{ guard: "isAttached", target: "proving" }, { target: "signalling" }],
    },
    signalling: {
      entry: "countNudge",
      invoke: {
        src: "signalDriver",
        input: ({ context }) => context,
        onDone: [
          {
            guard: ({ event }) => event.output.outcome === "gone",
            target: "#error",
            actions: assign(({ event }) => ({ fault: event.output.fault })),
          },
          { guard: ({ event }) => event.output.outcome === "stopped", target: "#resuming" },
          { guard: ({ event }) => event.output.outcome === "driver-dead", target: "relaunching" },
          {
            target: "awaitingDriver",
            actions: assign(({ event }) => ({ fault: event.output.fault })),
          },
        ],
        onError: [
          { guard: "noRungHelps", target: "#error", actions: "rememberFailure" },
          { target: "awaitingDriver", actions: "rememberFailure" },
        ],
      },
    },
    awaitingDriver: {
      id: "nudging.awaitingDriver",
      after: {
        nudgeWait: [
          { guard: "nudgesLeft", target: "signalling" },
          { guard: "relaunchesLeft", target: "relaunching" },
          { target: "#error", actions: "rememberExhausted" },
        ],
      },
    },
    relaunching: {
      entry: "countRelaunch",
      invoke: {
        src: "launchDriver",
        input: ({ context }) => context,
        onDone: { target: "awaitingLaunched" },
        onError: [
          {
            guard: "restartWarranted",
            target: "#resuming.restarting",
            actions: ["rememberFailure", "countRestart"],
          },
          { target: "#error", actions: "rememberFailure" },
        ],
      },
    },
    awaitingLaunched: {
      after: {
        driverWait: [
          { guard: "relaunchesLeft", target: "relaunching" },
          { target: "#error", actions: "rememberExhausted" },
        ],
      },
    },
    proving,
    rechecking,
  },
});

/** Looked at again and again until the evidence tells another story. */
const patrolled = vocabulary.createStateConfig({
  on: { "driver.fellSilent": { guard: "isCurrentEpoch", target: "suspect" } },
  invoke: {
    src: "patrol",
    input: ({ context }) => context,
    onDone: { target: "suspect" },
    onError: { target: "suspect" },
  },
});

const connected = vocabulary.createStateConfig({
  id: "connected",
  tags: "routable",
  entry: "settle",
  exit: "forgetFault",
  initial: "healthy",
  on: {
    "driver.detached": {
      guard: "isCurrentEpoch",
      target: "nudging",
      actions: ["forgetDriver", deadline("healMs")],
    },
    "driver.attached": { target: "#nudging.proving", actions: ["noteDriver", deadline("healMs")] },
    "operator.paused": { target: "suspended", actions: ["startAttempt", deadline("pauseMs")] },
  },
  states: {
    healthy: patrolled,
    suspect: {
      invoke: {
        src: "proveSession",
        input: ({ context }) => context,
        onDone: [
          {
            guard: ({ event }) => event.output.fault === null,
            target: "healthy",
            actions: ["clearBudgets", "forgetFault"],
          },
          { guard: "platformSilent", target: "unconfirmed", actions: ["clearRechecks", "believe"] },
          { guard: "rechecksLeft", target: "rechecking", actions: "countRecheck" },
          { guard: "isDegraded", target: "degraded", actions: ["clearRechecks", "believe"] },
          {
            target: "#nudging.proving",
            actions: [assign(({ event }) => ({ fault: event.output.fault })), deadline("healMs")],
          },
        ],
        onError: { target: "#nudging.proving", actions: ["rememberFailure", deadline("healMs")] },
      },
    },
    rechecking: { after: { recheckWait: { target: "suspect" } } },
    /** The driver answers and the platform lets nobody look: people keep their streams. */
    unconfirmed: patrolled,
    /** The platform's way into this sandbox is broken, and all is well inside: so do they here. */
    degraded: patrolled,
  },
});

const suspended = vocabulary.createStateConfig({
  id: "suspended",
  initial: "requesting",
  states: {
    requesting: {
      id: "suspended.requesting",
      tags: "working",
      after: { attemptLeft: { target: "#error", actions: "rememberExhausted" } },
      invoke: {
        src: "pauseSandbox",
        input: ({ context }) => context,
        onDone: { target: "paused" },
        onError: { target: "#nudging", actions: ["rememberFailure", deadline("healMs")] },
      },
    },
    paused: {
      id: "suspended.paused",
      entry: ["clearDeadline", "forgetDriver"],
      on: {
        "operator.resumed": {
          target: "#resuming",
          actions: ["startAttempt", deadline("resumeMs")],
        },
        "operator.retried": {
          target: "#resuming",
          actions: ["startAttempt", deadline("resumeMs")],
        },
      },
    },
  },
});

const retried = [
  {
    guard: "needsFreshSandbox",
    target: "#creating.requesting",
    actions: ["startAttempt", "forgetSandbox", deadline("createMs")],
  },
  {
    guard: "hasSandbox",
    target: "#resuming",
    actions: ["startAttempt", deadline("resumeMs")],
  },
  { target: "#creating.requesting", actions: ["startAttempt", deadline("createMs")] },
] as const;

const error = vocabulary.createStateConfig({
  id: "error",
  entry: "clearDeadline",
  initial: "sorting",
  on: { "operator.retried": [...retried], "operator.resumed": [...retried] },
  states: {
    sorting: { always: [{ guard: "isHealable", target: "healable" }, { target: "final" }] },
    /** A driver that comes back by itself is worth another proof, and so is a platform. */
    healable: {
      invoke: {
        src: "awaitRecovery",
        input: ({ context }) => context,
        onDone: { target: "#nudging", actions: ["startAttempt", deadline("healMs")] },
        onError: { target: "healable", reenter: true },
      },
      on: {
        "driver.attached": {
          target: "#nudging.proving",
          actions: ["noteDriver", "startAttempt", deadline("healMs")],
        },
      },
    },
    final: {},
  },
});

const ended = vocabulary.createStateConfig({
  id: "ended",
  initial: "cleaning",
  on: { "operator.removed": {} },
  states: {
    cleaning: {
      id: "ended.cleaning",
      entry: "clearDeadline",
      invoke: {
        src: "removeSandbox",
        input: ({ context }) => context,
        onDone: { target: "gone" },
        onError: { target: "cleaning", reenter: true },
      },
    },
    gone: {},
  },
});

export const sessionMachine = vocabulary.createMachine({
  id: "session",
  context: ({ input }) => ({
    works: input.works,
    boot: input.boot,
    attempt: input.attempt,
    deadlineAt: input.deadlineAt,
    sandboxId: input.sandboxId,
    epoch: null,
    rung: input.rung,
    nudges: 0,
    relaunches: 0,
    rechecks: 0,
    restarts: 0,
    tries: 1,
    wakes: 0,
    starts: input.starts,
    fault: input.fault,
  }),
  initial: "boot",
  on: {
    "operator.removed": { target: ".ended" },
    "driver.attached": { actions: "noteDriver" },
    "driver.detached": { guard: "isCurrentEpoch", actions: "forgetDriver" },
  },
  states: {
    boot: {
      always: [
        { guard: bootsAs("creating.requesting"), target: "#creating.requesting" },
        { guard: bootsAs("resuming.watching"), target: "#resuming.watching" },
        { guard: bootsAs("nudging.awaitingDriver"), target: "#nudging.awaitingDriver" },
        { guard: bootsAs("suspended.requesting"), target: "#suspended.requesting" },
        { guard: bootsAs("suspended.paused"), target: "#suspended.paused" },
        { guard: bootsAs("ended.cleaning"), target: "#ended.cleaning" },
        { target: "error" },
      ],
    },
    creating,
    resuming,
    nudging,
    connected,
    suspended,
    error,
    ended,
  },
});

export type SessionMachine = typeof sessionMachine;
export type SessionSnapshot = SnapshotFrom<SessionMachine>;
