/** `--env A=1 --env B=` as an object. */
import { listOption, usageError, type Cli } from "./cli.ts";

/** Null when the option was not given. */
export function keyValues(cli: Cli, option: string): Record<string, string> | null {
  const pairs = listOption(cli, option);
  if (pairs.length === 0) return null;
  const values: Record<string, string> = {};
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if (equals < 1) throw usageError(`--${option} ${pair} has no "="`, "Write KEY=VALUE.");
    values[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  return values;
}
