/** `holdfast platform status`: how the hub stands to its platform, from the hub's memory. */
import { print, printJson, type Run } from "../cli.ts";
import { connectApi } from "../connection.ts";
import { renderPlatform } from "../render/platform.ts";

export const run: Run = async (cli) => {
  const report = await connectApi(cli).platform();
  if (cli.json) printJson(cli, report);
  else print(cli, renderPlatform(report, cli.paint, cli.stdout.columns));
  return 0;
};
