/** Every check, by area: those of one area run in this order, areas beside each other. */
import { activityChecks } from "./checks/activity.ts";
import { apiChecks } from "./checks/api.ts";
import { codeChecks } from "./checks/code.ts";
import { createChecks } from "./checks/create.ts";
import { execChecks } from "./checks/exec.ts";
import { filesChecks } from "./checks/files.ts";
import { lifecycleChecks } from "./checks/lifecycle.ts";
import { listingChecks } from "./checks/listing.ts";
import { previewChecks } from "./checks/previews.ts";
import { repositoryChecks } from "./checks/repositories.ts";
import { sessionChecks } from "./checks/sessions.ts";
import { storeChecks } from "./checks/stores.ts";
import { terminalChecks } from "./checks/terminals.ts";
import type { Check } from "./check.ts";

/** A whole run asks for no more, each for a minute or two. */
export const SANDBOXES_MAX = 40;

export { uncovered } from "./uncovered.ts";
export { runChecks } from "./run.ts";
export type { CheckResult, Outcome, Report } from "./run.ts";
export type { Check } from "./check.ts";
export type { Target } from "./world.ts";

/** The longest areas first, so that none is left over at the end. */
export const areas: readonly (readonly Check[])[] = [
  lifecycleChecks,
  sessionChecks,
  createChecks,
  filesChecks,
  execChecks,
  storeChecks,
  terminalChecks,
  previewChecks,
  codeChecks,
  repositoryChecks,
  listingChecks,
  activityChecks,
  apiChecks,
];
