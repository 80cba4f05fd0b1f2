/** An error as the page shows it: code, sentence, next step. */
import { toHubError } from "../base/hub-error.ts";
import type { Problem } from "./board.ts";

export function problemOf(error: unknown): Problem {
  const { code, message, hint } = toHubError(error);
  return { code, message, hint };
}
