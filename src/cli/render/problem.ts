/** The one door from a failure to the user: what, why, next step, code. */
import { toHubError, type HubError } from "../../base/hub-error.ts";
import type { SessionError } from "../../client/api-types.ts";
import { asTyped } from "../installation.ts";
import { plain, type Paint } from "./paint.ts";
import { formatClock } from "./durations.ts";

export function renderProblem(error: unknown, paint: Paint): string {
  const fault = toHubError(error);
  const lines = [
    `${paint.red("error:")} ${plain(fault.message)} ${paint.dim(`[${fault.code}]`)}`,
    `  ${paint.bold("next:")} ${asTyped(plain(fault.hint))}`,
  ];
  // A defect is ours to find: without the place it happened nobody can.
  if (fault.code === "Internal" && error instanceof Error) lines.push(paint.dim(error.stack ?? ""));
  return lines.join("\n");
}

export function problemJson(error: unknown): {
  error: Pick<HubError, "code" | "message" | "hint">;
} {
  const { code, message, hint } = toHubError(error);
  return { error: { code, message, hint } };
}

/** A session's error with its evidence, one line each. */
export function renderSessionError(name: string, error: SessionError, paint: Paint): string {
  const noRung = error.rung === null || error.rung === "none";
  const rung = noRung ? "" : `, last rung ${error.rung}`;
  const lines = [
    `${paint.red("error:")} ${name}: ${plain(error.message)} ${paint.dim(`[${error.code}]`)}`,
    `  ${error.category} failure in phase ${error.phase}${rung}; ` +
      (error.retryable ? "a retry may help" : "a retry will not help"),
  ];
  for (const line of error.evidence) {
    lines.push(
      `  ${mark(paint, line.ok)} ${formatClock(line.at)}  ${line.what}  ${plain(line.detail)}`,
    );
  }
  lines.push(`  ${paint.bold("next:")} ${asTyped(plain(error.hint))}`);
  return lines.join("\n");
}

export function mark(paint: Paint, ok: boolean | null): string {
  if (ok === null) return paint.dim("·");
  return ok ? paint.green("✓") : paint.red("✗");
}
