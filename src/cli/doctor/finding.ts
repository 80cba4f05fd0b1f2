/** What one check found, with the fix when there is something to fix. */
import type { Cli } from "../cli.ts";
import type { Config } from "../../base/config.ts";

export interface Finding {
  readonly id: string;
  readonly level: "ok" | "warn" | "fail";
  readonly text: string;
  readonly fix: string | null;
}

export interface CheckFacts {
  readonly cli: Cli;
  readonly config: Config;
}

/**
 * One that looks at several things, or at nothing here, says so for each. A check never throws for
 * what it looks at; what it throws is a defect of the check.
 */
export type Check = (facts: CheckFacts) => Promise<Finding | readonly Finding[]>;

export function ok(id: string, text: string): Finding {
  return { id, level: "ok", text, fix: null };
}

export function warn(id: string, text: string, fix: string): Finding {
  return { id, level: "warn", text, fix };
}

export function fail(id: string, text: string, fix: string): Finding {
  return { id, level: "fail", text, fix };
}
