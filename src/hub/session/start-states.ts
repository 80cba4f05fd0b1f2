/**
 * How a sandbox comes up: asked for or adopted, and given a driver (creating), or woken, or stopped
 * and started by the ladder (resuming). Neither leads to connected but through a proof.
 */
import { assign } from "xstate";
import { proving, rechecking } from "./proof-states.ts";
import { vocabulary } from "./vocabulary.ts";

export const creating = vocabulary.createStateConfig({
  id: "creating",
  tags: "working",
  initial: "requesting",
  after: { attemptLeft: { target: "error", actions: "rememberExhausted" } },
  states: {
    requesting: {
      id: "creating.requesting",
      invoke: {
        src: "requestSandbox",
        input: ({ context }) => context,
        onDone: {
          target: "bootstrapping",
          actions: assign(({ event }) => ({ sandboxId: event.output.sandboxId })),
        },
        onError: [
          { guard: "outcomeUnknown", target: "watching", actions: "rememberFailure" },
          {
            guard: "startTriesLeft",
            target: "requesting",
            reenter: true,
            actions: ["rememberFailure", "countTry"],
          },
          { target: "#error", actions: "rememberFailure" },
        ],
      },
    },
    watching: {
      id: "creating.watching",
      invoke: {
        src: "watchSandbox",
        input: ({ context }) => context,
        onDone: [
          {
            guard: ({ event }) => event.output.sandboxId !== null,
            target: "bootstrapping",
            actions: assign(({ event }) => ({ sandboxId: event.output.sandboxId })),
          },
          { target: "requesting" },
        ],
        onError: [
          {
            guard: "startTriesLeft",
            target: "requesting",
            actions: ["rememberFailure", "countTry"],
          },
          { target: "#error", actions: "rememberFailure" },
        ],
      },
    },
    bootstrapping: {
      invoke: {
        src: "launchDriver",
        input: ({ context }) => context,
        onDone: [{ guard: "isAttached", target: "proving" }, { target: "awaitingDriver" }],
        onError: { target: "#error", actions: "rememberFailure" },
      },
    },
    awaitingDriver: {
      on: { "driver.attached": { target: "proving", actions: ["noteDriver", "clearRechecks"] } },
      after: {
        driverWait: [
          { guard: "relaunchesLeft", target: "bootstrapping", actions: "countRelaunch" },
          { target: "#error", actions: "rememberExhausted" },
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
  after: { attemptLeft: { target: "error", actions: "rememberExhausted" } },
  states: {
    requesting: {
      invoke: {
        src: "wakeSandbox",
        input: ({ context }) => context,
        onDone: { target: "#nudging" },
        onError: [
          { guard: "outcomeUnknown", target: "watching", actions: "rememberFailure" },
          { target: "#error", actions: "rememberFailure" },
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
          { target: "#error", actions: "rememberFailure" },
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
        onError: { target: "#error", actions: "rememberFailure" },
      },
    },
  },
});
