/** The platform for people: how the hub stands to it, and what a control sandbox saw. */
import type { PlatformReport } from "../../client/api-types.ts";
import type {
  ControlStep,
  PlatformControl,
  PlatformGuard,
  PlatformRate,
  PlatformStray,
} from "../../client/platform-types.ts";
import { formatClock, formatDuration } from "./durations.ts";
import { plain, type Paint } from "./paint.ts";
import { renderPairs, renderTable } from "./table.ts";

export function renderPlatform(report: PlatformReport, paint: Paint, columns?: number): string {
  const { platform, apiUrl, tier, root, pause, auth, detail } = report;
  const age = typeof report.ageMs === "number" ? `, ${formatDuration(report.ageMs)} ago` : "";
  const reach = { true: paint.green("answers"), false: paint.red("does not answer"), null: "" };
  const head: [string, string][] = [
    ["platform", `${platform} at ${apiUrl ?? "?"} ${reach[`${report.reachable}`]}${age}`],
    ["key", auth === "rejected" ? paint.red(auth) : auth],
  ];
  if (tier !== null) {
    head.push(["isolation", `${tier}, root ${root ?? "unknown"}, pause ${pause ?? "unknown"}`]);
  }
  if (detail !== null) head.push(["detail", plain(detail)]);
  const { breaker, alike, control, rate, calls, lastErrors } = report;
  if (!breaker || !alike || !control || !rate) return renderPairs(head);
  head.push(["breaker", breakerText(breaker, paint)]);
  if (alike.text !== null) head.push(["healing", paint.yellow(plain(alike.text))]);
  head.push(
    ["control", controlText(control, paint)],
    ["cost today", `${control.runsToday} control sandboxes, ${control.sandboxSeconds} s`],
    ["budget", rateText(rate)],
    ["into sandboxes", rateText(rate.toolbox)],
  );
  const parts = [renderPairs(head)];
  const rows = Object.entries(calls ?? {}).map(([call, counts]) => [
    call,
    String(counts.calls),
    String(counts.failed),
    String(counts.refused),
    counts.medianMs === null ? "" : formatDuration(counts.medianMs),
  ]);
  if (rows.length > 0) {
    parts.push("", renderTable(["CALL", "MADE", "FAILED", "NOT MADE", "MEDIAN"], rows, columns));
  }
  parts.push(...strayLines(report.strays ?? [], paint, columns));
  const errors = (lastErrors ?? []).map(({ at, call, code, text }) => {
    return [formatClock(at), call, code, plain(text)];
  });
  if (errors.length > 0)
    parts.push("", renderTable(["AT", "CALL", "CODE", "SAID"], errors, columns));
  return parts.join("\n");
}

/** Nobody but a person can tell whether what is in them is wanted. */
function strayLines(
  strays: readonly PlatformStray[],
  paint: Paint,
  columns: number | undefined,
): readonly string[] {
  if (strays.length === 0) return [];
  const rows = strays.map(({ sandboxId, session, state, createdAt, why }) => {
    const at = createdAt === null ? "?" : createdAt.replace("T", " ").slice(0, 16);
    return [plain(sandboxId), plain(session ?? "?"), plain(state), at, why];
  });
  const head = ["STRAY SANDBOX", "MADE FOR", "STATE", "CREATED (UTC)", "WHY"];
  const next =
    "The hub leaves them alone. Copy out what matters, then delete them at the platform.";
  return ["", renderTable(head, rows, columns), paint.yellow(next)];
}

export function renderStep(step: ControlStep, paint: Paint): string {
  const mark = { ok: paint.green("✓"), failed: paint.red("✗"), skipped: paint.yellow("–") };
  const shown = step.outcome === "ok" || step.outcome === "failed" || step.outcome === "skipped";
  const sign = shown ? mark[step.outcome] : paint.dim("·");
  const took = step.tookMs === null ? "" : formatDuration(step.tookMs);
  return `  ${sign} ${step.name.padEnd(7)} ${took.padStart(8)}  ${paint.dim(plain(step.text))}`;
}

/** The end of a run: what it means, and what the platform said where it failed. */
export function renderVerdict(control: PlatformControl, paint: Paint): string {
  const { failed, deleted, tookMs } = control;
  const took = tookMs === null ? "" : ` ${paint.dim(`(${formatDuration(tookMs)})`)}`;
  const lines = [`${verdictWord(control, paint)}: ${plain(control.text)}${took}`];
  if (failed?.raw) lines.push(`  the platform said: ${plain(failed.raw.slice(0, 500))}`);
  if (deleted === false) lines.push("  its sandbox is not deleted yet; the hub goes on with that");
  return lines.join("\n");
}

function controlText(control: PlatformControl, paint: Paint): string {
  const age = control.ageMs === null ? "" : `, ${formatDuration(control.ageMs)} ago`;
  const running = control.running === null ? "" : "; one is under way";
  return `${verdictWord(control, paint)}${age}: ${plain(control.text)}${running}`;
}

function verdictWord({ verdict }: PlatformControl, paint: Paint): string {
  if (verdict === "platform-ok") return paint.green(verdict);
  return verdict === "platform-broken" ? paint.red(verdict) : (verdict ?? "none");
}

function breakerText(breaker: PlatformGuard["breaker"], paint: Paint): string {
  const { state, since, why, nextLookAt } = breaker;
  if (why === null) {
    return state + (since === null ? "" : `, since ${formatClock(since)}`);
  }
  const next = nextLookAt === null ? "" : `; next look at ${formatClock(nextLookAt)}`;
  const from = since === null ? "" : ` since ${formatClock(since)}`;
  return `${paint.red(state)}${from}: ${plain(why.text)} ${paint.dim(`[${why.code}]`)}${next}`;
}

function rateText(rate: PlatformRate): string {
  const held = Object.entries(rate.heldUntil).map(([what, until]) => {
    return `, ${what} held until ${formatClock(until)}`;
  });
  const waiting = rate.waiting === 0 ? "" : `, ${rate.waiting} waiting`;
  return `${rate.used} of ${rate.limitPerMinute} calls in a minute${waiting}${held.join("")}`;
}
