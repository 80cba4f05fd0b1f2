/** A session's health for people: claim and evidence side by side, each with its age. */
import type { Health, ProbeFact } from "../../client/api-types.ts";
import { activityLine } from "./activity.ts";
import { formatDuration } from "./durations.ts";
import { paintState, plain, type Paint } from "./paint.ts";
import { mark } from "./problem.ts";
import { renderPairs, renderTable } from "./table.ts";

export function renderHealth(health: Health, paint: Paint, columns?: number): string {
  const { claim, evidence, verdict, ladder, lastError } = health;
  const statusColour = { pass: paint.green, warn: paint.yellow, fail: paint.red }[health.status];
  const head = renderPairs([
    ["health", statusColour(health.status)],
    ["state", `${paintState(paint, health.state)}, driver epoch ${health.epoch}`],
    ["verdict", `${plain(verdict.text)} ${paint.dim(`[${verdict.code}]`)}`],
  ]);
  const claimRow = [
    "claim",
    "·",
    age(claim.ageMs),
    "",
    claim.platform,
    plain(claim.state ?? "none"),
  ];
  const rows = [
    claimRow,
    probeRow("driver", evidence.driver, paint),
    ...rowsOf("exec", health, paint),
    ...rowsOf("filesystem", health, paint),
    ...rowsOf("terminal", health, paint),
  ];
  // What was seen comes last: it may be long, and it is what a reader looks for.
  const table = renderTable(["WHAT", "", "AGE", "LATENCY", "BY", "SAW"], rows, columns);
  const more: [string, string][] = [];
  const use = activityLine(health, Date.now());
  if (use !== null) more.push(["activity", use]);
  if (health.disagreement !== null)
    more.push(["disagreement", paint.yellow(plain(health.disagreement))]);
  if (typeof health.platform === "string") {
    more.push(["platform", paint.yellow(plain(health.platform))]);
  }
  const { version = null, update = null } = health.driver ?? {};
  if (update !== null) more.push(["driver", `${plain(version ?? "")}; ${plain(update)}`]);
  if (typeof health.drill === "string") more.push(["drill", paint.yellow(plain(health.drill))]);
  for (const { sandboxName, until } of ladder.quarantined ?? []) {
    more.push(["kept aside", `${sandboxName}, until ${until}`]);
  }
  if (ladder.rung !== null && ladder.rung !== "none") {
    const until = ladder.deadlineAt === null ? "" : `, until ${ladder.deadlineAt}`;
    more.push(["healing", `${ladder.rung}, attempt ${ladder.attempts}${until}`]);
  }
  for (const { code, text, ageMs } of health.warnings ?? []) {
    more.push(["warning", paint.yellow(`${plain(text)} [${code}], ${age(ageMs)} ago`)]);
  }
  if (lastError !== null) {
    // The sentence of an error that is still there is the verdict above.
    const said = lastError.message === verdict.text ? "" : `: ${plain(lastError.message)}`;
    more.push(["last error", `${lastError.code} at ${lastError.at}${said}`]);
  }
  return [head, "", table, ...(more.length > 0 ? ["", renderPairs(more)] : [])].join("\n");
}

/** Each path on a row of its own: one may work while the other does not. */
function rowsOf(
  name: "exec" | "filesystem" | "terminal",
  { capabilities, evidence }: Health,
  paint: Paint,
): string[][] {
  if (capabilities !== undefined) {
    return capabilities[name].paths.map((fact) => probeRow(name, fact, paint));
  }
  return name === "terminal" ? [] : [probeRow(name, evidence[name], paint)];
}

function probeRow(name: string, fact: ProbeFact, paint: Paint): string[] {
  const saw = fact.detail ?? (fact.ok === null ? "not asked yet" : fact.ok ? "answered" : "failed");
  const latency = fact.latencyMs === null ? "" : formatDuration(fact.latencyMs);
  return [name, mark(paint, fact.ok), age(fact.ageMs), latency, fact.path ?? "", plain(saw)];
}

function age(ageMs: number | null): string {
  return ageMs === null ? "never" : formatDuration(ageMs);
}
