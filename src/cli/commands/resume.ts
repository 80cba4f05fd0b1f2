/** `holdfast resume`: awake only when proven again. */
import { actionCommand } from "../settle.ts";

export const run = actionCommand("resume", "resuming", {
  goals: ["connected", "error", "ended"],
  success: "connected",
});
