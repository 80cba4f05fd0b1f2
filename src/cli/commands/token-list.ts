/** `holdfast token list`: the API tokens of a hub; of the tokens themselves nothing is kept. */
import { note, print, printJson, type Run } from "../cli.ts";
import { connectApi } from "../connection.ts";
import { formatAge } from "../render/durations.ts";
import { plain } from "../render/paint.ts";
import { renderTable } from "../render/table.ts";

export const run: Run = async (cli) => {
  const tokens = await connectApi(cli).tokens();
  if (cli.json) printJson(cli, tokens);
  else if (tokens.length === 0) note(cli, "no tokens but the hub's own");
  else {
    const now = Date.now();
    const rows = tokens.map((token) => [
      token.id,
      plain(token.name),
      token.role,
      token.tenant ?? "(hub)",
      token.sessions?.join(",") ?? "all",
      Date.parse(token.expiresAt) <= now ? "over" : token.expiresAt,
      token.lastUsedAt === null ? "never" : formatAge(token.lastUsedAt, now),
    ]);
    print(
      cli,
      renderTable(
        ["ID", "NAME", "ROLE", "TENANT", "SESSIONS", "UNTIL", "USED"],
        rows,
        cli.stdout.columns,
      ),
    );
  }
  return 0;
};
