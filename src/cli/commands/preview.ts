/** `holdfast preview`: a signed link to what listens on a port of a session. */
import { parseDuration } from "../../base/duration.ts";
import { flagOption, note, print, printJson, textOption, usageError, type Cli } from "../cli.ts";
import type { Run } from "../cli.ts";
import { connectApi } from "../connection.ts";
import { asTyped } from "../installation.ts";
import { openUrl } from "../open-url.ts";
import { renderTable } from "../render/table.ts";

export const run: Run = async (cli, [name = "", portText]) => {
  const port = portText === undefined ? undefined : portIn(portText, name);
  if (flagOption(cli, "revoke")) return revoke(cli, name, port);
  if (port === undefined) return listPorts(cli, name);
  const link = await connectApi(cli).previewLink(name, port, expiresOf(cli));
  if (cli.json) printJson(cli, link);
  else {
    print(cli, link.url);
    note(cli, `good until ${link.expiresAt}, for whoever has it; then ${link.address} asks again`);
  }
  const why = flagOption(cli, "open") ? await openUrl(link.url, cli.env) : null;
  // A machine without a browser has the link on its screen: that is no failure.
  if (why !== null) note(cli, `holdfast: cannot open it here (${why}): open the link by hand`);
  return 0;
};

function portIn(text: string, name: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  const said = `${JSON.stringify(text)} is no port: 1 to 65535`;
  throw usageError(said, `holdfast preview ${name} 3000`);
}

async function revoke(cli: Cli, name: string, port: number | undefined): Promise<number> {
  for (const other of ["open", "expires"]) {
    if (cli.options[other] === undefined) continue;
    throw usageError(`--${other} is for a link that is made`, `holdfast preview ${name} --revoke`);
  }
  const revoked = await connectApi(cli).revokeLinks(name, port);
  if (cli.json) printJson(cli, revoked);
  else {
    const which = port === undefined ? "any port" : `port ${port}`;
    note(cli, `no link to ${which} of ${name} that was made before opens it any more`);
  }
  return 0;
}

/** What there is to be previewed; addresses carry no pass, so that they can be shown. */
async function listPorts(cli: Cli, name: string): Promise<number> {
  const ports = await connectApi(cli).ports(name);
  if (cli.json) printJson(cli, ports);
  else if (ports.length === 0) note(cli, `nobody listens in ${name}`);
  else {
    const rows = ports.map(({ port, address }) => [`${port}`, address]);
    print(cli, renderTable(["PORT", "ADDRESS"], rows));
    const typed = asTyped(`holdfast preview ${name} ${ports[0]?.port ?? "PORT"}`);
    note(cli, `\`${typed}\` prints a link that opens one`);
  }
  return 0;
}

function expiresOf(cli: Cli): number | undefined {
  const text = textOption(cli, "expires");
  if (text === undefined) return undefined;
  const forMs = parseDuration(text);
  if (forMs !== null && forMs >= 1_000) return Math.floor(forMs / 1_000);
  throw usageError(`--expires ${JSON.stringify(text)} is no time to live`, "--expires 1h");
}
