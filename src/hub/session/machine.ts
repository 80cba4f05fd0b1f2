/**
 * The chart of one session. Names only: the words are in vocabulary.ts, what the actors do is
 * bound in bind.ts, what the numbers are is in policy.ts. How a sandbox comes up is in
 * start-states.ts, how one is healed in nudge-states.ts, how one is proved in proof-states.ts.
 *
 * SM1  Only a proof leads to connected, and a proof is of the attached epoch.
 * SM2  A platform status alone moves nothing towards connected.
 * SM3  Every state but suspended.paused, connected, error and ended has an absolute deadline.
 * SM4  A connected session is never nudged; a driver that leaves or changes ends connected.
 * SM5  Each invoke has both outcomes.
 */
import { assign, type SnapshotFrom } from "xstate";
import { nudging } from "./nudge-states.ts";
import { creating, resuming } from "./start-states.ts";
import { ATTEMPT_START, vocabulary, type DeadlineKind } from "./vocabulary.ts";
import type { BootState } from "./events.ts";

const deadline = (kind: DeadlineKind) => ({ type: "setDeadline", params: kind }) as const;
const bootsAs = (boot: BootState) => ({ type: "bootsAs", params: boot }) as const;

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
      actions: ["forgetDriver", "startAttempt", deadline("healMs")],
    },
    "driver.attached": {
      target: "#nudging.proving",
      actions: ["noteDriver", "startAttempt", deadline("healMs")],
    },
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
          {
            guard: "rechecksLeft",
            target: "rechecking",
            actions: { type: "climbTo", params: "recheck" },
          },
          { guard: "isDegraded", target: "degraded", actions: ["clearRechecks", "believe"] },
          {
            target: "#nudging.climbing",
            actions: [
              "startAttempt",
              assign(({ event }) => ({ fault: event.output.fault })),
              deadline("healMs"),
            ],
          },
        ],
        onError: {
          target: "#nudging.climbing",
          actions: ["startAttempt", "rememberFailure", deadline("healMs")],
        },
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
        // The refusal is the outcome of this attempt; whether all is well is for the next one.
        onError: {
          target: "#nudging",
          actions: ["startAttempt", "rememberRefusal", deadline("healMs")],
        },
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
    ...ATTEMPT_START,
    works: input.works,
    boot: input.boot,
    attempt: input.attempt,
    attemptAt: input.attemptAt,
    deadlineAt: input.deadlineAt,
    sandboxId: input.sandboxId,
    epoch: null,
    rung: input.rung,
    counts: input.counts,
    starts: input.starts,
    fault: input.fault,
  }),
  initial: "boot",
  on: {
    "operator.removed": { target: ".ended", actions: "startAttempt" },
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
