/**
 * Which waits must fit into which deadline. A policy in which they do not can be read and never be
 * kept: a rung that cannot end before its attempt does would be cut off each time it is climbed.
 */
import type { Mistake, ResolvedConfig } from "./config.ts";
import { writeDuration } from "./duration.ts";
import { policyTable, type PolicyKey, type SessionPolicy } from "./policy-table.ts";

interface Part {
  readonly keys: readonly PolicyKey[];
  readonly says: string;
  readonly ms: number;
}

/** Keys whose values are of one type. */
type KeyOf<T> = {
  [K in PolicyKey]: SessionPolicy[K] extends T ? K : never;
}[PolicyKey];

type Draw = (policy: SessionPolicy) => Part;

const named = (key: PolicyKey): string => policyTable[key].name;

const once =
  (key: KeyOf<number>): Draw =>
  (policy) => ({
    keys: [key],
    says: `${named(key)} (${writeDuration(policy[key])})`,
    ms: policy[key],
  });

const all =
  (key: KeyOf<readonly number[]>): Draw =>
  (policy) => {
    const ms = policy[key].reduce((sum, waitMs) => sum + waitMs, 0);
    return { keys: [key], says: `${named(key)} (${writeDuration(ms)} in all)`, ms };
  };

const times =
  (waitKey: KeyOf<number>, countKey: KeyOf<number>, more = 0): Draw =>
  (policy) => {
    const count = policy[countKey] + more;
    const ms = policy[waitKey] * count;
    const says = `${count} × ${named(waitKey)} (${writeDuration(ms)}, from ${named(countKey)})`;
    return { keys: [waitKey, countKey], says, ms };
  };

interface Rule {
  readonly within: KeyOf<number>;
  readonly parts: readonly Draw[];
}

/** One line for each deadline: what an attempt may spend in waiting must end before it. */
const RULES: readonly Rule[] = [
  { within: "createMs", parts: [once("stallMs")] },
  { within: "createMs", parts: [once("activateMs")] },
  { within: "buildMs", parts: [once("buildStallMs")] },
  { within: "createMs", parts: [times("driverWaitMs", "relaunchesMax", 1)] },
  ...(["resumeMs", "healMs"] as const).map((within) => ({
    within,
    parts: [all("nudgeWaitsMs"), times("driverWaitMs", "relaunchesMax"), all("recheckWaitsMs")],
  })),
  // Within its rung, a wait that is cut off has no effect but the time that it took.
  { within: "nudgeMs", parts: [all("nudgeWaitsMs")] },
  { within: "relaunchMs", parts: [times("driverWaitMs", "relaunchesMax")] },
];

export function impossibleBudgets(resolved: ResolvedConfig): Mistake[] {
  const { config, origins } = resolved;
  const wrong = new Set(resolved.mistakes.map(({ key }) => key));
  return RULES.flatMap(({ within, parts }) => {
    const drawn = parts.map((part) => part(config));
    const keys = [within, ...drawn.flatMap((part) => part.keys)];
    const sumMs = drawn.reduce((sum, { ms }) => sum + ms, 0);
    // A value that could not be read is a mistake of its own; its stand-in proves nothing.
    if (sumMs < config[within] || keys.some((key) => wrong.has(named(key)))) return [];
    const sum = drawn.length > 1 ? ` = ${writeDuration(sumMs)}` : "";
    const waits = drawn.map(({ says }) => says).join(" + ");
    const limit = `${named(within)} (${writeDuration(config[within])})`;
    const said = keys.find((key) => origins[key].origin !== "default") ?? within;
    const message = `impossible budget: ${waits}${sum} must be less than ${limit}`;
    return [{ key: named(said), place: origins[said].place, message }];
  });
}
