/** `holdfast resume`: awake only when proven again. */
import { actionCommand } from "../settle.ts";
import { proofSteps } from "../render/proof.ts";

export const run = actionCommand("resume", "resuming", {
  steps: proofSteps,
  goals: ["connected", "error", "ended"],
  success: "connected",
});
