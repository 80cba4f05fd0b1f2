/**
 * The healing ladder: a decision (`climbing`), and one state for each thing that a rung does or
 * asks. Every step that did not help comes back to the decision, which is ladder-plan.ts alone.
 * Restart and replace are rungs, too; they live where sandboxes come up, in start-states.ts.
 */
import { assign } from "xstate";
import { notClimbed } from "./ladder-counts.ts";
import type { LadderRung, LadderStep } from "./ladder-plan.ts";
import { proving, rechecking } from "./proof-states.ts";
import { vocabulary, type DeadlineKind } from "./vocabulary.ts";

const deadline = (kind: DeadlineKind) => ({ type: "setDeadline", params: kind }) as const;
const stepIs = (step: LadderStep) => ({ type: "stepIs", params: step }) as const;
const climbTo = (rung: LadderRung) => ({ type: "climbTo", params: rung }) as const;

export const nudging = vocabulary.createStateConfig({
  id: "nudging",
  tags: "working",
  initial: "deciding",
  after: { attemptLeft: { target: "error", actions: "rememberExhausted" } },
  on: {
    "driver.attached": { target: ".proving", actions: ["noteDriver", "clearRechecks"] },
    // A person who asks for rest gets it, whatever is being healed.
    "operator.paused": { target: "suspended", actions: ["startAttempt", deadline("pauseMs")] },
  },
  states: {
    deciding: {
      always: [{ guard: "isAttached", target: "proving" }, { target: "climbing" }],
    },
    climbing: {
      id: "nudging.climbing",
      always: [
        { guard: stepIs("hold"), target: "holding", actions: "rememberFlapping" },
        { guard: stepIs("wake"), target: "#resuming", actions: ["countWake", "forgetFault"] },
        { guard: stepIs("nudge"), target: "signalling", actions: climbTo("nudge") },
        { guard: stepIs("relaunch"), target: "relaunching", actions: climbTo("relaunch") },
        { guard: stepIs("assess"), target: "assessing" },
        { guard: stepIs("wait"), target: "waiting" },
        { guard: stepIs("consult"), target: "consulting" },
        {
          guard: stepIs("restart"),
          target: "#resuming.restarting",
          actions: climbTo("restart"),
        },
        {
          guard: stepIs("replace"),
          target: "#creating.replacing",
          actions: climbTo("replace"),
        },
        { target: "#error", actions: "rememberExhausted" },
      ],
    },
    signalling: {
      after: { rungLeft: "climbing" },
      invoke: {
        src: "signalDriver",
        input: ({ context }) => context,
        onDone: [
          {
            guard: ({ event }) => event.output.outcome === "idle",
            target: "#suspended.paused",
          },
          {
            guard: ({ event }) => ["gone", "stopped"].includes(event.output.outcome),
            target: "climbing",
            actions: assign(({ event }) => ({ fault: event.output.fault })),
          },
          {
            guard: ({ event }) => event.output.outcome === "driver-dead",
            target: "climbing",
            actions: ["noteDriverDead", "noteLook"],
          },
          {
            target: "awaitingDriver",
            actions: ["noteLook", assign(({ event }) => ({ fault: event.output.fault }))],
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
      after: { nudgeWait: "climbing", rungLeft: "climbing" },
    },
    relaunching: {
      after: { rungLeft: "climbing" },
      invoke: {
        src: "launchDriver",
        input: ({ context }) => context,
        onDone: [
          {
            guard: ({ event }) => event.output.leftAlone === true,
            target: "waiting",
            actions: assign(({ context }) => notClimbed(context)),
          },
          { target: "awaitingLaunched" },
        ],
        onError: { target: "climbing", actions: "rememberFailure" },
      },
    },
    awaitingLaunched: { after: { driverWait: "climbing", rungLeft: "climbing" } },
    proving,
    rechecking,
    /** Both ways in, looked at once more before anything is ended. */
    assessing: {
      invoke: {
        src: "assessSandbox",
        input: ({ context }) => context,
        onDone: {
          target: "climbing",
          actions: assign(({ context, event }) => ({
            wayIn: event.output.wayIn,
            wayInAt: event.output.at,
            // A way that is open again is worth a nudge and a launch; one that took a nudge and
            // never did it is no better for being broken in another part, too.
            look:
              context.look === "stuck" && event.output.wayIn === "broken"
                ? "stuck"
                : event.output.wayIn,
            fault: event.output.fault ?? context.fault,
          })),
        },
        onError: {
          target: "climbing",
          actions: ["rememberFailure", assign({ wayIn: "silent", wayInAt: null })],
        },
      },
    },
    consulting: {
      invoke: {
        src: "consultControl",
        input: ({ context }) => context,
        onDone: [
          {
            guard: ({ event }) => event.output.verdict === "platform-broken",
            target: "#error",
            actions: assign(({ event }) => ({ fault: event.output.fault })),
          },
          {
            target: "climbing",
            actions: assign(({ event }) => ({ control: event.output.verdict })),
          },
        ],
        onError: { target: "climbing", actions: assign({ control: "unknown" }) },
      },
    },
    /** It may be frozen, or its driver on its way: it is looked at now and then. */
    waiting: {
      after: { lookAgain: { target: "climbing", actions: assign({ wayIn: "unseen" }) } },
    },
    /** What comes and goes is left alone for a while, and then climbs instead of looping. */
    holding: {
      invoke: {
        src: "holdStill",
        input: ({ context }) => context,
        onDone: { target: "climbing" },
        onError: { target: "climbing" },
      },
    },
  },
});
