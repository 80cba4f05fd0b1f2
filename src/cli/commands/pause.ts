/** `holdfast pause`: frozen on purpose, and shown as that. */
import { actionCommand } from "../settle.ts";

export const run = actionCommand("pause", "pausing", {
  goals: ["suspended", "error", "ended"],
  success: "suspended",
});
