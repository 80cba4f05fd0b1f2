/** One fault that was switched on: the wish as a caller writes it, and its story as it is told. */
import { done, refuse } from "../outcome.ts";
import type { Outcome } from "../outcome.ts";
import { faultNames, isFaultName, isReal } from "./catalogue.ts";
import type { FaultName } from "./catalogue.ts";

export interface DrillWish {
  fault: FaultName;
  /** Id or name; a name may end with `*`. Undefined is every sandbox, and calls that name none. */
  sandbox: string | undefined;
  method: string | undefined;
  /** A part of the request's path. */
  path: string | undefined;
  times: number | undefined;
  forMs: number | undefined;
  probability: number;
  seed: string;
  delayMs: number | undefined;
  /** Replaces the reason, message or word of the fault. */
  reason: string | undefined;
}

export type DrillEnd =
  "cleared" | "time is up" | "used up" | "healed" | "the platform ends" | "the platform was killed";

/** What everybody sees of a drill; times are ISO. */
export interface DrillView {
  id: string;
  fault: FaultName;
  about: string;
  /** True for real breakage, false for a lie of the API. */
  real: boolean;
  sandbox: string | null;
  sandboxId: string | null;
  since: string;
  until: string | null;
  timesLeft: number | null;
  uses: number;
  lastUseAt: string | null;
  endedAt: string | null;
  ended: DrillEnd | null;
}

const WEEK_MS = 7 * 24 * 3_600_000;
const known = [
  ...["fault", "sandbox", "method", "path", "times", "forMs", "probability", "seed", "delayMs"],
  "reason",
];

/** All mistakes at once, each naming its field. */
export function parseWish(body: unknown): Outcome<DrillWish> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return refuse(400, "body must be a JSON object with a fault");
  }
  const fields = body as Record<string, unknown>;
  const { fault } = fields;
  const problems = Object.keys(fields)
    .filter((key) => !known.includes(key))
    .map((key) => `${key} is no field of a drill; there are ${known.join(", ")}`);
  if (!isFaultName(fault)) {
    problems.unshift(
      `fault ${JSON.stringify(fault)} is not known; there are ${faultNames.join(", ")}`,
    );
  }
  const text = textReader(fields, problems);
  const whole = wholeReader(fields, problems);
  const probability = fields["probability"] ?? 1;
  if (typeof probability !== "number" || !(probability > 0 && probability <= 1)) {
    problems.push("probability must be a number above 0, at most 1");
  }
  const wish = {
    sandbox: text("sandbox"),
    method: text("method")?.toUpperCase(),
    path: text("path"),
    times: whole("times", 1, 1_000_000),
    forMs: whole("forMs", 1, WEEK_MS),
    probability: Number(probability),
    seed: text("seed") ?? "1",
    delayMs: whole("delayMs", 0, WEEK_MS),
    reason: text("reason"),
  };
  if (isFaultName(fault) && isReal(fault)) {
    if (wish.sandbox === undefined)
      problems.push(`sandbox is needed: ${fault} breaks one for real`);
    for (const key of ["method", "path", "times"] as const) {
      if (wish[key] !== undefined) problems.push(`${key} means nothing for ${fault}`);
    }
  }
  if (!isFaultName(fault) || problems.length > 0) return refuse(400, problems.join("; "));
  return done({ fault, ...wish });
}

function textReader(fields: Record<string, unknown>, problems: string[]) {
  return (key: string): string | undefined => {
    const value = fields[key];
    if (value === undefined || (typeof value === "string" && value !== "")) return value;
    problems.push(`${key} must be a text that is not empty`);
    return undefined;
  };
}

function wholeReader(fields: Record<string, unknown>, problems: string[]) {
  return (key: string, least: number, most: number): number | undefined => {
    const value = fields[key];
    if (value === undefined) return undefined;
    if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) {
      return Number(value);
    }
    problems.push(`${key} must be a whole number from ${least} to ${most}`);
    return undefined;
  };
}
