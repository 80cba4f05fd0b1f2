/** `holdfast why`: the state in plain words, from the same facts that `health` has as a table. */
import { connectApi } from "../connection.ts";
import { print, printJson, type Run } from "../cli.ts";
import { renderWhy } from "../render/why.ts";

export const run: Run = async (cli, [name = ""]) => {
  const api = connectApi(cli);
  const [session, health, timeline] = await Promise.all([
    api.session(name),
    api.health(name),
    api.timeline(name),
  ]);
  if (cli.json) printJson(cli, { session, health, timeline });
  else print(cli, renderWhy({ session, health, timeline, nowMs: Date.now() }, cli.paint));
  return 0;
};
