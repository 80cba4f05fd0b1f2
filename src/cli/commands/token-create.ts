/** `holdfast token create`: an API token, printed this once. */
import type { TokenRole } from "../../client/api-tokens.ts";
import { parseDuration } from "../../base/duration.ts";
import { listOption, note, print, printJson, textOption, usageError, type Cli } from "../cli.ts";
import type { Run } from "../cli.ts";
import { connectApi } from "../connection.ts";

const roles: readonly TokenRole[] = ["owner", "operator", "viewer", "metrics"];

export const run: Run = async (cli, [name = ""]) => {
  const role = roleOf(cli);
  const sessions = listOption(cli, "session");
  const expiresInSeconds = secondsOf(cli);
  const tenant = textOption(cli, "tenant");
  const made = await connectApi(cli).createToken({
    name,
    role,
    ...(tenant === undefined ? {} : { tenant }),
    ...(sessions.length === 0 ? {} : { sessions }),
    ...(expiresInSeconds === undefined ? {} : { expiresInSeconds }),
  });
  if (cli.json) printJson(cli, made);
  else {
    print(cli, made.token);
    const whose = made.tenant === null ? "" : ` of ${made.tenant}`;
    note(cli, `${made.role}${whose}, until ${made.expiresAt}; nobody can read it again`);
    note(cli, `holdfast token revoke ${made.id} takes it back`);
  }
  return 0;
};

function roleOf(cli: Cli): TokenRole {
  const asked = textOption(cli, "role") ?? "operator";
  const role = roles.find((one) => one === asked);
  if (role !== undefined) return role;
  throw usageError(`--role ${JSON.stringify(asked)} is none`, `Roles: ${roles.join(", ")}.`);
}

function secondsOf(cli: Cli): number | undefined {
  const text = textOption(cli, "expires");
  if (text === undefined) return undefined;
  const forMs = parseDuration(text);
  if (forMs !== null && forMs >= 1_000) return Math.floor(forMs / 1_000);
  throw usageError(`--expires ${JSON.stringify(text)} is no time to live`, "--expires 30d");
}
