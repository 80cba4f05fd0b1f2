/** `holdfast retry`: another attempt after an error. */
import { actionCommand } from "../settle.ts";
import { proofSteps } from "../render/proof.ts";

export const run = actionCommand("retry", "retrying", {
  steps: proofSteps,
  goals: ["connected", "error", "ended"],
  success: "connected",
});
