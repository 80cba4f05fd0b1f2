/**
 * Which failures of a start are tried again, and how often: one setting, `startup=2,environment=1`.
 * The classes are the categories of the fault registry. What no retry can help is refused with the
 * reason, because a setting that is silently without effect is a trap.
 */
import { faults, type FaultCategory, type FaultKind } from "./faults.ts";
import { nearestName } from "./nearest.ts";

/** More tries of each class than the first one; a class that is not named has none. */
export type RetryPolicy = Readonly<Partial<Record<FaultCategory, number>>>;

/** A start that fails this often is not unlucky. */
const RETRIES_MAX = 10;

/** Why a class can never be tried again; also the words that people use for such a class. */
const NEVER: Readonly<Record<string, string>> = {
  operator: "a refused key or a wrong setting is refused again until somebody changes it",
  auth: "a refused key is refused again until somebody changes it",
  config: "a wrong setting stays wrong until somebody changes it",
  quota: "a full quota stays full until sandboxes are removed or the quota is raised",
  caller: "a wrong request stays wrong until somebody changes it",
  task: "the user's own command is the user's to repeat",
};

/** Categories in which at least one fault is worth another try. */
export const retryClasses: readonly FaultCategory[] = [
  ...new Set(
    Object.values<FaultKind>(faults)
      .filter(({ category, retry }) => retry !== "never" && NEVER[category] === undefined)
      .map(({ category }) => category),
  ),
];

/** The parsed policy, or every problem of the text at once. */
export function parseRetry(text: string): { value: RetryPolicy } | { problem: string } {
  const entries: [string, string][] = [];
  const problems: string[] = [];
  for (const part of text.split(",").map((piece) => piece.trim())) {
    const match = /^([^=\s]+)=(\S*)$/.exec(part);
    if (part === "none" && text.trim() === "none") continue;
    if (match?.[1] === undefined) {
      problems.push(`"${part}" is not CLASS=COUNT, for example startup=2,environment=1, or none`);
    } else entries.push([match[1], match[2] ?? ""]);
  }
  const checked = checkRetry(entries);
  if ("problem" in checked) problems.push(checked.problem);
  return problems.length > 0 || "problem" in checked
    ? { problem: problems.join("; ") }
    : { value: checked.value };
}

/** The same for counts that came as JSON or as texts. */
export function checkRetry(
  entries: readonly (readonly [name: string, count: unknown])[],
): { value: RetryPolicy } | { problem: string } {
  const value: Partial<Record<FaultCategory, number>> = {};
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const [name, said] of entries) {
    const text = String(said);
    const count = /^\d{1,9}$/.test(text) ? Number(text) : null;
    const problem = seen.has(name) ? `${name} is given twice` : whyNot(name, text, count);
    seen.add(name);
    if (problem !== null) problems.push(problem);
    const known = retryClasses.find((category) => category === name);
    if (known !== undefined && count !== null) value[known] = count;
  }
  return problems.length > 0 ? { problem: problems.join("; ") } : { value };
}

/** The policy as it is written in a setting. */
export function writeRetry(policy: RetryPolicy): string {
  const parts = Object.entries(policy).map(([name, count]) => `${name}=${count}`);
  return parts.length === 0 ? "none" : parts.join(",");
}

function whyNot(name: string, text: string, count: number | null): string | null {
  const reason = Object.hasOwn(NEVER, name) ? NEVER[name] : undefined;
  if (reason === undefined && !retryClasses.some((known) => known === name)) {
    const near = nearestName(name, [...retryClasses, ...Object.keys(NEVER)]);
    const guess = near === null ? "" : ` (did you mean ${near}?)`;
    return `"${name}" is no retry class${guess}; the classes are ${retryClasses.join(", ")}`;
  }
  if (count === null || count > RETRIES_MAX) {
    return `${name}=${text}: the count is a whole number from 0 to ${RETRIES_MAX}`;
  }
  if (reason !== undefined && count > 0) return `${name} cannot be tried again: ${reason}`;
  return null;
}
