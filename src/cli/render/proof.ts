/**
 * From events to the steps that people watch: claim, driver, exec, filesystem, verdict. Pure: the
 * same events always give the same lines, on a terminal and in a pipe.
 */
import type { HubEvent } from "../../client/api-types.ts";

export type StepName = "claim" | "driver" | "exec" | "filesystem" | "verdict";

export interface Step {
  readonly name: StepName;
  readonly outcome: "waiting" | "ok" | "failed";
  /** Milliseconds after the request. */
  readonly afterMs: number | null;
  readonly text: string;
  /** Paths of a probe that failed and have not worked since. */
  readonly brokenPaths: readonly string[];
}

/** Something that the hub did to get there and that the user should know of. */
export interface Turn {
  readonly afterMs: number;
  readonly text: string;
}

export interface Proof {
  readonly steps: readonly Step[];
  readonly turns: readonly Turn[];
  /** The state that ends the wait, once it is reached. */
  readonly verdict: "connected" | "error" | "suspended" | "ended" | null;
  /** What is being waited for, in the hub's own words. */
  readonly latest: string;
}

/** What has to be seen before a session is connected. */
export const proofSteps: readonly StepName[] = ["claim", "driver", "exec", "filesystem", "verdict"];
/** A pause is proven by the platform alone, an end by the hub. */
export const pauseSteps: readonly StepName[] = ["claim", "verdict"];
export const endSteps: readonly StepName[] = ["verdict"];

export function newProof(stepNames: readonly StepName[]): Proof {
  const steps = stepNames.map((name): Step => ({
    name,
    outcome: "waiting",
    afterMs: null,
    text: "",
    brokenPaths: [],
  }));
  return { steps, turns: [], verdict: null, latest: "" };
}

/** Takes one event in; `beganAtMs` is the wall time of the request. */
export function takeEvent(proof: Proof, event: HubEvent, beganAtMs: number): Proof {
  const afterMs = Math.max(0, Date.parse(event.at) - beganAtMs);
  const latest = event.text === "" ? proof.latest : event.text;
  const next = { ...proof, latest };
  const set = (name: StepName, ok: boolean, text = event.text): Proof => ({
    ...next,
    steps: proof.steps.map((step) =>
      step.name === name
        ? { name, outcome: ok ? "ok" : "failed", afterMs, text, brokenPaths: [] }
        : step,
    ),
  });
  switch (event.kind) {
    case "platform.claimed":
      return set("claim", true);
    case "driver.attached":
      return set("driver", true);
    case "driver.detached":
      return set("driver", false);
    case "probe.answered":
      return takeProbe(next, event, afterMs) ?? next;
    case "session.connected":
      return { ...set("verdict", true), verdict: "connected" };
    case "session.suspended":
      return { ...set("verdict", true), verdict: "suspended" };
    case "session.ended":
      return { ...set("verdict", true), verdict: "ended" };
    case "session.failed":
      return { ...set("verdict", false, failureCode(event)), verdict: "error" };
    default:
      return TURNS.has(event.kind)
        ? { ...next, turns: [...proof.turns, { afterMs, text: event.text }] }
        : next;
  }
}

/** What changes a sandbox or its files, or tells why: nobody should learn of it later. */
const TURNS: ReadonlySet<string> = new Set([
  "control.asked",
  "drill.on",
  "sandbox.discarded",
  "sandbox.quarantined",
  "sandbox.restarted",
  "snapshot.activated",
  "start.fellBack",
]);

/** Sentence and evidence follow in full below the steps. */
function failureCode(event: HubEvent): string {
  const code = (event.data as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : event.text;
}

/**
 * One step stands for every path by which it is looked at: it is broken for as long as one of them
 * is, and the last sentence about a broken one is what is read.
 */
function takeProbe(proof: Proof, event: HubEvent, afterMs: number): Proof | null {
  const data = event.data as { probe?: unknown; path?: unknown; ok?: unknown } | null;
  const path = typeof data?.path === "string" ? data.path : "";
  const index = proof.steps.findIndex(({ name }) => name === data?.probe);
  const before = proof.steps[index];
  if (before === undefined) return null;
  const others = before.brokenPaths.filter((broken) => broken !== path);
  const ok = data?.ok === true;
  const brokenPaths = ok ? others : [...others, path];
  const outcome = ok ? ("ok" as const) : ("failed" as const);
  const step =
    ok && others.length > 0
      ? { ...before, brokenPaths }
      : { name: before.name, outcome, afterMs, text: event.text, brokenPaths };
  return { ...proof, steps: proof.steps.with(index, step) };
}

/** Steps whose outcome changed: what a pipe gets one line for. */
export function changedSteps(before: Proof, after: Proof): Step[] {
  return after.steps.filter((step, index) => {
    const old = before.steps[index];
    return step.outcome !== old?.outcome || (step.outcome === "failed" && step.text !== old.text);
  });
}
