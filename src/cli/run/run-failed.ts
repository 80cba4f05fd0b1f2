/** Whose failure ended a run: the one distinction that those who count results need. */
import { toHubError } from "../../base/hub-error.ts";
import type { FaultCategory } from "../../base/faults.ts";

/**
 * `startup` no sandbox came up · `environment` it broke later · `app` it did not install, start or
 * become healthy · `task` what was run against it failed · `caller` the request, keys, or ^C.
 */
export type RunCategory = "startup" | "environment" | "app" | "task" | "caller";

export class RunFailed extends Error {
  override readonly name = "RunFailed";
  readonly category: RunCategory;
  /** Of the fault registry, or what the run itself found. */
  readonly code: string;
  /** The command's own, where there was one. */
  readonly exitCode: number | null;
  readonly hint: string | null;

  constructor(
    category: RunCategory,
    code: string,
    message: string,
    more: { readonly exitCode?: number; readonly hint?: string; readonly cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.category = category;
    this.code = code;
    this.exitCode = more.exitCode ?? null;
    this.hint = more.hint ?? null;
  }
}

/** What was thrown in a phase; before there is a sandbox what breaks is the start's. */
export function runFailedOf(error: unknown, isStarting: boolean): RunFailed {
  if (error instanceof RunFailed) return error;
  const fault = toHubError(error);
  // Where the hub went is nobody's wrong request.
  const isAway = fault.code === "HubUnreachable";
  const category = isAway ? "environment" : categoryOf(fault.kind.category, isStarting);
  return new RunFailed(category, fault.code, fault.message, { hint: fault.hint, cause: error });
}

function categoryOf(category: FaultCategory, isStarting: boolean): RunCategory {
  switch (category) {
    case "caller":
    case "operator":
      return "caller";
    case "task":
      return "app";
    default:
      return isStarting ? "startup" : "environment";
  }
}
