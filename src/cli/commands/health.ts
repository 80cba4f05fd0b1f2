/** `holdfast health`: what the platform claims beside what probes saw, and the verdict. */
import { connectApi } from "../connection.ts";
import { flagOption, print, printJson, type Run } from "../cli.ts";
import { renderHealth } from "../render/health.ts";

export const run: Run = async (cli, [name = ""]) => {
  const api = connectApi(cli);
  if (flagOption(cli, "probe")) await api.probe(name);
  const health = await api.health(name);
  if (cli.json) printJson(cli, health);
  else print(cli, renderHealth(health, cli.paint, cli.stdout.columns));
  return 0;
};
