/**
 * How a sandbox comes up: asked for or adopted, and given a driver (creating), or woken, or stopped
 * and started by the ladder (resuming). Neither leads to connected but through a proof.
 */
import { proving, rechecking } from "./proof-states.ts";
import type { StartStep } from "./start-law.ts";
import { vocabulary } from "./vocabulary.ts";

const startStepIs = (step: StartStep) => ({ type: "startStepIs", params: step }) as const;

/** A sandbox is asked for, or the one of this name adopted. */
const asking = vocabulary.createStateConfig({
  invoke: {
    src: "requestSandbox",
    input: ({ context }) => context,
    onDone: {
      target: "bootstrapping",
      actions: "noteSandbox",
    },
    onError: [
      { guard: "outcomeUnknown", target: "watching", actions: "rememberFailure" },
      { target: "sorting", actions: "rememberFailure" },
    ],
  },
});

export const creating = vocabulary.createStateConfig({
  id: "creating",
  tags: "working",
  initial: "requesting",
  after: {
    attemptLeft: { target: "error", actions: ["rememberExhausted", "giveUpLitter"] },
    rungLeft: {
      guard: "isOnRung",
      target: "#error",
      actions: ["rememberExhausted", "giveUpLitter"],
    },
  },
  states: {
    /** The ladder's last rung: the old sandbox is kept aside, and another one is asked for. */
    replacing: {
      id: "creating.replacing",
      invoke: {
        src: "replaceSandbox",
        input: ({ context }) => context,
        onDone: { target: "requesting", actions: "forgetSandbox" },
        onError: { target: "#error", actions: "rememberFailure" },
      },
    },
    requesting: { id: "creating.requesting", ...asking },
    /** From the image, because the snapshot cannot be used. */
    fallingBack: asking,
    watching: {
      id: "creating.watching",
      invoke: {
        src: "watchSandbox",
        input: ({ context }) => context,
        onDone: [
          {
            guard: ({ event }) => event.output.sandboxId !== null,
            target: "bootstrapping",
            actions: "noteSandbox",
          },
          { target: "sorting" },
        ],
        onError: { target: "sorting", actions: "rememberFailure" },
      },
    },
    activating: {
      entry: "countActivation",
      invoke: {
        src: "activateSnapshot",
        input: ({ context }) => context,
        onDone: { target: "requesting" },
        onError: { target: "sorting", actions: "rememberFailure" },
      },
    },
    sorting: {
      always: [
        { guard: startStepIs("activate"), target: "activating" },
        { guard: startStepIs("fall-back"), target: "fallingBack", actions: "fallBack" },
        {
          guard: startStepIs("again"),
          target: "backingOff",
          actions: ["giveUpSandbox", "countTry"],
        },
        { target: "#error", actions: "giveUpLitter" },
      ],
    },
    backingOff: {
      after: {
        retryWait: [{ guard: "hasFallenBack", target: "fallingBack" }, { target: "requesting" }],
      },
    },
    bootstrapping: {
      invoke: {
        src: "launchDriver",
        input: ({ context }) => context,
        onDone: [{ guard: "isAttached", target: "proving" }, { target: "awaitingDriver" }],
        onError: { target: "sorting", actions: "rememberFailure" },
      },
    },
    awaitingDriver: {
      on: { "driver.attached": { target: "proving", actions: ["noteDriver", "clearRechecks"] } },
      after: {
        driverWait: [
          {
            guard: "relaunchesLeft",
            target: "bootstrapping",
            actions: { type: "climbTo", params: "relaunch" },
          },
          { target: "sorting", actions: "rememberExhausted" },
        ],
      },
    },
    proving,
    rechecking,
  },
});

export const resuming = vocabulary.createStateConfig({
  id: "resuming",
  tags: "working",
  initial: "requesting",
  after: {
    attemptLeft: { target: "error", actions: "rememberExhausted" },
    rungLeft: { guard: "isOnRung", target: "#nudging.climbing" },
  },
  states: {
    requesting: {
      invoke: {
        src: "wakeSandbox",
        input: ({ context }) => context,
        onDone: { target: "#nudging" },
        onError: [
          { guard: "outcomeUnknown", target: "watching", actions: "rememberFailure" },
          { target: "#nudging.climbing", actions: "rememberFailure" },
        ],
      },
    },
    restarting: {
      id: "resuming.restarting",
      invoke: {
        src: "restartSandbox",
        input: ({ context }) => context,
        onDone: { target: "requesting" },
        onError: [
          { guard: "outcomeUnknown", target: "requesting", actions: "rememberFailure" },
          { target: "#nudging.climbing", actions: "rememberFailure" },
        ],
      },
    },
    watching: {
      id: "resuming.watching",
      invoke: {
        src: "watchSandbox",
        input: ({ context }) => context,
        onDone: [
          { guard: ({ event }) => event.output.sandboxId !== null, target: "#nudging" },
          { target: "#error", actions: "rememberExhausted" },
        ],
        onError: { target: "#nudging.climbing", actions: "rememberFailure" },
      },
    },
  },
});
