/**
 * The two states in which a session is proved: probes in the attached epoch, and the wait before a
 * failed proof is looked at again. A first start and every return of a driver share them.
 */
import { assign } from "xstate";
import { vocabulary } from "./vocabulary.ts";

export const proving = vocabulary.createStateConfig({
  on: {
    "driver.detached": {
      guard: "isCurrentEpoch",
      target: "awaitingDriver",
      actions: "forgetDriver",
    },
    // SM1: what was seen of the older epoch proves nothing about this one.
    "driver.attached": {
      target: "proving",
      reenter: true,
      actions: ["noteDriver", "clearRechecks"],
    },
  },
  invoke: {
    src: "proveSession",
    input: ({ context }) => context,
    onDone: [
      { guard: ({ event }) => event.output.fault === null, target: "#connected" },
      {
        guard: "rechecksLeft",
        target: "rechecking",
        actions: [
          { type: "climbTo", params: "recheck" },
          assign(({ event }) => ({ fault: event.output.fault })),
        ],
      },
      // What is broken for good is the ladder's to decide.
      {
        target: "#nudging.climbing",
        actions: assign(({ event }) => ({ fault: event.output.fault })),
      },
    ],
    onError: { target: "#nudging.climbing", actions: "rememberFailure" },
  },
});

export const rechecking = vocabulary.createStateConfig({
  on: {
    "driver.detached": {
      guard: "isCurrentEpoch",
      target: "awaitingDriver",
      actions: "forgetDriver",
    },
    "driver.attached": { target: "proving", actions: ["noteDriver", "clearRechecks"] },
  },
  after: { recheckWait: { target: "proving" } },
});
