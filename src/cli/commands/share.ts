/** `holdfast share`: links by which others look at the terminals of a session. */
import { parseDuration } from "../../base/duration.ts";
import { flagOption, note, print, printJson, textOption, usageError, type Cli } from "../cli.ts";
import type { Run } from "../cli.ts";
import { connectApi } from "../connection.ts";
import { formatAge } from "../render/durations.ts";
import { renderTable } from "../render/table.ts";

export const run: Run = async (cli, [name = "", shareId]) => {
  checkUse(cli, name, shareId);
  if (flagOption(cli, "list")) return list(cli, name);
  if (shareId !== undefined) return revoke(cli, name, shareId);
  const share = await connectApi(cli).share(name, secondsOf(cli));
  if (cli.json) printJson(cli, share);
  else {
    print(cli, share.url);
    note(cli, `shows the terminals of ${name} to whoever has it, until ${share.expiresAt}`);
    note(cli, `holdfast share ${name} ${share.id} --revoke takes it back`);
  }
  return 0;
};

function checkUse(cli: Cli, name: string, shareId: string | undefined): void {
  const [lists, revokes] = [flagOption(cli, "list"), flagOption(cli, "revoke")];
  if (revokes && shareId === undefined) {
    throw usageError("--revoke needs the id of a share", `holdfast share ${name} --list`);
  }
  if (shareId !== undefined && !revokes) {
    const said = "a share that there is can only be taken back";
    throw usageError(said, `holdfast share ${name} ${shareId} --revoke`);
  }
  if ((lists && revokes) || ((lists || revokes) && cli.options["for"] !== undefined)) {
    throw usageError("one of --for, --list and --revoke", `holdfast share ${name} --for 1h`);
  }
}

async function list(cli: Cli, name: string): Promise<number> {
  const shares = await connectApi(cli).shares(name);
  if (cli.json) printJson(cli, shares);
  else if (shares.length === 0) note(cli, `nobody was sent a link to ${name} that still opens`);
  else {
    const now = Date.now();
    const rows = shares.map(({ id, createdBy, expiresAt, lastUsedAt }) => [
      ...[id, createdBy, expiresAt],
      lastUsedAt === null ? "never" : formatAge(lastUsedAt, now),
    ]);
    print(cli, renderTable(["ID", "BY", "UNTIL", "USED"], rows, cli.stdout.columns));
  }
  return 0;
}

async function revoke(cli: Cli, name: string, shareId: string): Promise<number> {
  const share = await connectApi(cli).revokeShare(name, shareId);
  if (cli.json) printJson(cli, share);
  else note(cli, `${share.id} opens nothing any more`);
  return 0;
}

function secondsOf(cli: Cli): number | undefined {
  const text = textOption(cli, "for");
  if (text === undefined) return undefined;
  const forMs = parseDuration(text);
  if (forMs !== null && forMs >= 1_000) return Math.floor(forMs / 1_000);
  throw usageError(`--for ${JSON.stringify(text)} is no time to look`, "--for 1h");
}
