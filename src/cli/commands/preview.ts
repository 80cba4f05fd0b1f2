/** `holdfast preview`: a signed link to what listens on a port of a session. */
import { spawn } from "node:child_process";
import { parseDuration } from "../../base/duration.ts";
import { flagOption, note, print, printJson, textOption, usageError, type Cli } from "../cli.ts";
import type { Run } from "../cli.ts";
import { connectApi } from "../connection.ts";

export const run: Run = async (cli, [name = "", portText = ""]) => {
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65_535) {
    const said = `${JSON.stringify(portText)} is no port: 1 to 65535`;
    throw usageError(said, `holdfast preview ${name} 3000`);
  }
  const link = await connectApi(cli).previewLink(name, port, expiresOf(cli));
  if (cli.json) printJson(cli, link);
  else {
    print(cli, link.url);
    note(cli, `good until ${link.expiresAt}, for whoever has it; then ${link.address} asks again`);
  }
  if (flagOption(cli, "open")) await openInBrowser(cli, link.url);
  return 0;
};

function expiresOf(cli: Cli): number | undefined {
  const text = textOption(cli, "expires");
  if (text === undefined) return undefined;
  const forMs = parseDuration(text);
  if (forMs !== null && forMs >= 1_000) return Math.floor(forMs / 1_000);
  throw usageError(`--expires ${JSON.stringify(text)} is no time to live`, "--expires 1h");
}

/** A machine without a browser has the link on its screen: that is no failure. */
function openInBrowser(cli: Cli, url: string): Promise<void> {
  const opener = process.platform === "darwin" ? "open" : "xdg-open";
  return new Promise((resolve) => {
    const child = spawn(opener, [url], { stdio: "ignore", detached: true });
    child.once("spawn", () => {
      child.unref();
      resolve();
    });
    child.once("error", (error) => {
      note(cli, `holdfast: cannot open it here (${error.message}): open the link by hand`);
      resolve();
    });
  });
}
