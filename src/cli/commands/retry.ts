/** `holdfast retry`: another attempt after an error. */
import { actionCommand } from "../settle.ts";

export const run = actionCommand("retry", "retrying", {
  goals: ["connected", "error", "ended"],
  success: "connected",
});
