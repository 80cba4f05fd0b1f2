/** `holdfast retry`: another attempt after an error, or with --dry-run what one would do. */
import { connectApi } from "../connection.ts";
import { flagOption, print, printJson, type Cli } from "../cli.ts";
import { renderPlan } from "../render/plan.ts";
import { proofSteps } from "../render/proof.ts";
import { actionCommand } from "../settle.ts";

const retry = actionCommand("retry", "retrying", {
  steps: proofSteps,
  goals: ["connected", "error", "ended"],
  success: "connected",
});

export async function run(cli: Cli, args: readonly string[]): Promise<number> {
  if (!flagOption(cli, "dryRun")) return retry(cli, args);
  const plan = await connectApi(cli).plan(args[0] ?? "");
  if (cli.json) printJson(cli, plan);
  else print(cli, renderPlan(plan, cli.paint, cli.stdout.columns));
  return 0;
}
