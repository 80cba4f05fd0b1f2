/** `holdfast token revoke`: a token opens nothing any more, and what it has open ends. */
import { print, printJson, type Run } from "../cli.ts";
import { connectApi } from "../connection.ts";
import { plain } from "../render/paint.ts";

export const run: Run = async (cli, [id = ""]) => {
  const gone = await connectApi(cli).revokeToken(id);
  if (cli.json) printJson(cli, gone);
  else print(cli, `${gone.id} (${plain(gone.name)}) is revoked`);
  return 0;
};
