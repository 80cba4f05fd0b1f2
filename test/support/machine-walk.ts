/** The session machine seen from outside: its leaves, its edges, and one pure step of it. */
import { assign, initialTransition, transition } from "xstate";
import { noStarts } from "../../src/store/facts.ts";
import type { SessionMachineEvent } from "../../src/hub/session/events.ts";
import { sessionMachine, type SessionSnapshot } from "../../src/hub/session/machine.ts";
import { noCounts } from "../../src/store/facts.ts";
import type { SessionContext } from "../../src/hub/session/vocabulary.ts";
import type { SessionWorks } from "../../src/hub/session/works.ts";

type PathOf<T> = T extends string
  ? T
  : { [K in keyof T & string]: `${K}.${PathOf<T[K]>}` }[keyof T & string];

/** Passed through within one step, never rested in. */
type Transient =
  "boot" | "creating.sorting" | "nudging.deciding" | "nudging.climbing" | "error.sorting";
export type Leaf = Exclude<PathOf<SessionSnapshot["value"]>, Transient>;
export type EventType = SessionMachineEvent["type"];

/** Budgets are left and times are fixed: what the chart itself decides is what is seen. */
export const walkedMachine = sessionMachine.provide({
  delays: {
    attemptLeft: () => 1_000,
    rungLeft: () => 1_000,
    driverWait: () => 1_000,
    nudgeWait: () => 1_000,
    retryWait: () => 1_000,
    recheckWait: () => 1_000,
  },
  guards: {
    stepIs: (_, step) => step === "nudge",
    relaunchesLeft: () => true,
    rechecksLeft: () => true,
  },
  actions: {
    startAttempt: assign(({ context }) => ({ attempt: context.attempt + 1 })),
    setDeadline: () => undefined,
    climbTo: () => undefined,
    rememberFlapping: () => undefined,
    rememberExhausted: () => undefined,
  },
});

export const EPOCH = 7;

/** What works do is bound elsewhere: the chart itself calls none. */
const noWorks = {} as SessionWorks;

const [initial] = initialTransition(walkedMachine, {
  works: noWorks,
  boot: "suspended.paused",
  attempt: 1,
  attemptAt: 0,
  counts: noCounts,
  deadlineAt: 5_000,
  sandboxId: "box-1",
  rung: "none",
  starts: noStarts,
  fault: null,
});
export const wholeContext: SessionContext = { ...initial.context, deadlineAt: 5_000, epoch: EPOCH };

export function snapshotAt(leaf: Leaf, context: Partial<SessionContext> = {}): SessionSnapshot {
  const [state, inner] = leaf.split(".");
  const value = { [state ?? ""]: inner ?? "" } as SessionSnapshot["value"];
  return walkedMachine.resolveState({ value, context: { ...wholeContext, ...context } });
}

export function leafOf(snapshot: SessionSnapshot): Leaf {
  const [[state, inner] = ["", ""]] = Object.entries(snapshot.value);
  return `${state}.${inner}` as Leaf;
}

export interface Step {
  readonly leaf: Leaf;
  readonly context: SessionContext;
  /** Actors that this step starts. */
  readonly started: readonly string[];
}

export function step(from: SessionSnapshot, event: SessionMachineEvent): Step {
  const [next, actions] = transition(walkedMachine, from, event);
  const started = actions
    .filter(({ type }) => type === "xstate.spawnChild")
    .map((action) => (action.params as { src: string }).src);
  return { leaf: leafOf(next), context: next.context, started };
}
