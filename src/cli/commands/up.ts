/** `holdfast up`: in the foreground until ^C, or detached until `down`. */
import { checkHubConfig } from "../../base/config.ts";
import { configInvalid, flagOption, type Run } from "../cli.ts";
import { runDetached } from "../up-detached.ts";
import { runUp } from "../up-foreground.ts";

export const run: Run = async (cli) => {
  const resolved = cli.resolved();
  const mistakes = checkHubConfig(resolved);
  if (mistakes.length > 0) throw configInvalid(mistakes);
  if (flagOption(cli, "detach")) return runDetached(cli, resolved.config);
  return runUp(cli, resolved.config);
};
