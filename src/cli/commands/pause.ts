/** `holdfast pause`: frozen on purpose, and shown as that. */
import { actionCommand } from "../settle.ts";
import { pauseSteps } from "../render/proof.ts";

export const run = actionCommand("pause", "pausing", {
  steps: pauseSteps,
  goals: ["suspended", "error", "ended"],
  success: "suspended",
});
