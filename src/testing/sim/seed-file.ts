/**
 * Plans as files: a seed that failed is kept with its shrunk faults, so that it can be run again
 * when the code, and with it what a seed draws, has changed. Reads kept plans and recorded
 * timelines, and says of everything else what is wrong and where. Owns no file system.
 */
import { HubError } from "../../base/hub-error.ts";
import { FAULT_KINDS, type Fault, type Plan } from "./faults.ts";
import type { Violation } from "./invariants/check.ts";
import { planOfTimeline, type Recorded, type RecordedEvent } from "./timeline.ts";

const FORMAT = "holdfast-seed/1";
/** Longer worlds only cost time: every deadline of the simulated policy fits many times. */
const WORLD_MS_MAX = 24 * 3_600_000;
const SESSIONS_MAX = 100;

export interface KeptSeed {
  readonly plan: Plan;
  /** Which promise it broke, or once broke, in a sentence. */
  readonly why: string;
}

export function seedFileText(plan: Plan, violations: readonly Violation[]): string {
  const [first] = violations;
  const why = first === undefined ? "kept by hand" : `${first.invariant}: ${first.text}`;
  return `${JSON.stringify({ format: FORMAT, why, plan }, null, 2)}\n`;
}

export function seedFileName(plan: Plan, violations: readonly Violation[]): string {
  return `${violations[0]?.invariant ?? "kept"}-seed-${plan.seed}.json`;
}

/**
 * A kept plan, or the plan that a recorded timeline amounts to. `name` is how messages call it.
 * @throws HubError BadRequest that names the place of the first mistake.
 */
export function readReplay(text: string, name: string): KeptSeed & Pick<Recorded, "unmapped"> {
  const value = parse(text, name);
  if (isObject(value) && value["format"] === FORMAT) {
    const why = typeof value["why"] === "string" ? value["why"] : "";
    return { plan: planOf(value["plan"], name), why, unmapped: [] };
  }
  const events = eventsOf(value, name);
  const { plan, unmapped } = planOfTimeline(events);
  return { plan, why: `a timeline of ${events.length} events`, unmapped };
}

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const lines = text.trimEnd().split("\n");
    if (lines.length > 1 && lines[0]?.startsWith('{"') === true) return parseLines(lines, name);
    throw wrong(name, placeIn(text, error.message), "is no JSON that ends: is the file cut off?");
  }
}

/** One event a line, as `holdfast events --json` prints them. */
function parseLines(lines: readonly string[], name: string): unknown {
  return lines.map((line, index) => {
    try {
      return JSON.parse(line) as unknown;
    } catch {
      throw wrong(name, `line ${index + 1}`, "is no JSON that ends: is the file cut off?");
    }
  });
}

/** The engine's message names the position of most mistakes; the end of the file is the rest. */
function placeIn(text: string, message: string): string {
  const [, at] = /position (\d+)/.exec(message) ?? [];
  const before = text.slice(0, at === undefined ? text.length : Number(at)).split("\n");
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

function planOf(value: unknown, name: string): Plan {
  if (!isObject(value)) throw wrong(name, "plan", "is missing");
  const number = (key: string, max: number): number => {
    const given = value[key];
    if (typeof given === "number" && given >= 0 && given <= max) return given;
    throw wrong(name, `plan.${key}`, `is ${JSON.stringify(given)}, not a number from 0 to ${max}`);
  };
  const troubleMs = number("troubleMs", WORLD_MS_MAX);
  const untilMs = number("untilMs", WORLD_MS_MAX);
  if (untilMs < troubleMs) throw wrong(name, "plan.untilMs", "is before plan.troubleMs");
  const { faults } = value;
  if (!Array.isArray(faults)) throw wrong(name, "plan.faults", "is not a list");
  return {
    seed: number("seed", Number.MAX_SAFE_INTEGER),
    sessions: number("sessions", SESSIONS_MAX),
    troubleMs,
    untilMs,
    createMs: number("createMs", WORLD_MS_MAX),
    latencyMs: number("latencyMs", WORLD_MS_MAX),
    // Older files know only stores that keep at once.
    ...("storeLateMs" in value && { storeLateMs: number("storeLateMs", WORLD_MS_MAX) }),
    faults: faults.map((fault, index) => faultOf(fault, `plan.faults[${index}]`, name)),
  };
}

function faultOf(value: unknown, place: string, name: string): Fault {
  if (!isObject(value)) throw wrong(name, place, "is no fault");
  const kind = FAULT_KINDS.find((known) => known === value["kind"]);
  if (kind === undefined) {
    const given = JSON.stringify(value["kind"]);
    throw wrong(name, `${place}.kind`, `is ${given}, which no simulated world knows`);
  }
  const number = (key: string): number => {
    const given = value[key];
    if (typeof given === "number" && given >= 0 && given <= WORLD_MS_MAX) return given;
    throw wrong(name, `${place}.${key}`, `is ${JSON.stringify(given)}, not a number of 0 or more`);
  };
  return { atMs: number("atMs"), kind, target: number("target"), forMs: number("forMs") };
}

/** The events of a bundle, of `GET …/timeline`, or a bare list. */
function eventsOf(value: unknown, name: string): readonly RecordedEvent[] {
  const inside = isObject(value) ? (value["timeline"] ?? value["items"]) : value;
  const [list, place] = Array.isArray(inside) ? [inside, "event"] : [null, ""];
  if (list === null) {
    throw wrong(name, "the file", "is neither a kept seed, nor a bundle, nor a timeline");
  }
  if (list.length === 0) throw wrong(name, "the timeline", "has no events");
  return list.map((event: unknown, index) => eventOf(event, `${place} ${index + 1}`, name));
}

function eventOf(value: unknown, place: string, name: string): RecordedEvent {
  if (!isObject(value)) throw wrong(name, place, "is no event");
  const { at, session, kind, state, detail, text, data } = value;
  const atMs = typeof at === "number" ? at : typeof at === "string" ? Date.parse(at) : NaN;
  if (!Number.isFinite(atMs)) throw wrong(name, `${place}: at`, "is no time");
  if (typeof kind !== "string") throw wrong(name, `${place}: kind`, "is missing");
  const word = (given: unknown): string => (typeof given === "string" ? given : "");
  return {
    atMs,
    session: word(session),
    kind,
    state: word(state),
    detail: word(detail),
    text: word(text),
    data: isObject(data) ? data : {},
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(name: string, place: string, what: string): HubError {
  return new HubError("BadRequest", `${name}: ${place} ${what}`, {
    hint: "Give a file of `simulate --keep`, of `bundle`, or of `events --json`.",
  });
}
