/** `holdfast platform info`: what any Daytona client needs to talk to the local platform. */
import { HubError } from "../../base/hub-error.ts";
import { flagOption, print, printJson, type Run } from "../cli.ts";
import { runningPlatform } from "../platform-process.ts";
import { renderPairs } from "../render/table.ts";

export const run: Run = async (cli) => {
  const { home } = cli.config();
  const record = runningPlatform(home);
  if (record === null) {
    throw new HubError("LocalPlatformFailed", `no local platform runs on ${home}`, {
      hint: "Start it with `holdfast up`, or alone with `holdfast platform up`.",
    });
  }
  const { apiUrl, apiKey, target, tier } = record;
  if (flagOption(cli, "env")) {
    // For a shell to read: no value of a platform has a quote in it.
    const set = { DAYTONA_API_URL: apiUrl, DAYTONA_API_KEY: apiKey, DAYTONA_TARGET: target };
    for (const [name, value] of Object.entries(set)) print(cli, `export ${name}='${value}'`);
    return 0;
  }
  if (cli.json) {
    printJson(cli, { apiUrl, apiKey, target, tier });
    return 0;
  }
  print(
    cli,
    renderPairs([
      ["apiUrl", apiUrl],
      ["apiKey", apiKey],
      ["target", target],
      ["tier", tier],
      ["root", record.root],
      ["pause", record.pause],
      ["pid", String(record.pid)],
    ]),
  );
  return 0;
};
