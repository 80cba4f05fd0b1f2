/** A dry run of the ladder as a table: each rung, whether it would be climbed, and why. */
import type { LadderPlan, PlannedRung } from "../../client/api-types.ts";
import { formatDuration } from "./durations.ts";
import { plain, stateInSentence, type Paint } from "./paint.ts";
import { renderTable } from "./table.ts";

export function renderPlan(plan: LadderPlan, paint: Paint, columns?: number): string {
  const code = plan.code === null ? "" : ` (${plan.code})`;
  const head = `${plan.name} is ${stateInSentence(plan.state)}${code}; nothing was changed`;
  const rows = plan.steps.map((step) => [
    step.rung,
    wouldIn(step, paint),
    String(step.budgetLeft),
    formatDuration(step.deadlineMs),
    step.destructive ? "destructive" : "",
    plain(step.why),
  ]);
  const table = renderTable(["RUNG", "WOULD", "LEFT", "WITHIN", "", "WHY"], rows, columns);
  return [head, "", table, "", `Each rung is climbed if those before it do not help.`].join("\n");
}

function wouldIn({ would }: PlannedRung, paint: Paint): string {
  if (would === "do") return paint.green(would);
  return would === "refuse" ? paint.yellow(would) : paint.dim(would);
}
