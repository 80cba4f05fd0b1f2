/** `holdfast rm`: sessions go with their sandboxes; it ends when the hub says they are gone. */
import type { Api } from "../../client/api.ts";
import type { Session } from "../../client/api-types.ts";
import { lastEventSeq } from "../../client/verdict.ts";
import { toHubError } from "../../base/hub-error.ts";
import { connectApi } from "../connection.ts";
import { flagOption, note, print, usageError, type Cli, type Run } from "../cli.ts";
import { followToVerdict } from "../follow.ts";
import { problemJson, renderProblem } from "../render/problem.ts";
import { allSessions } from "../fleet-watch.ts";
import { endSteps } from "../render/proof.ts";

export const run: Run = async (cli, names) => {
  const all = flagOption(cli, "all");
  if (all === names.length > 0) {
    throw usageError("name the sessions to remove, or say --all", "holdfast rm NAME …");
  }
  const api = connectApi(cli);
  const wanted = all ? (await allSessions(api)).sessions.map(({ name }) => name) : names;
  if (wanted.length === 0) note(cli, "no sessions to remove");
  let exitCode = 0;
  for (const name of wanted) {
    try {
      await remove(cli, api, name);
    } catch (error) {
      // One that cannot be removed must not keep the others; the exit code tells of it.
      const text = cli.json
        ? JSON.stringify(problemJson(error))
        : renderProblem(error, cli.notePaint);
      note(cli, text);
      exitCode = toHubError(error).kind.exit;
    }
  }
  return exitCode;
};

async function remove(cli: Cli, api: Api, name: string): Promise<void> {
  const before = await api.session(name);
  const send = async (): Promise<Session> =>
    (await api.remove(name)) ?? { ...before, state: "ended" };
  if (cli.options["wait"] === false) {
    await send();
    say(cli, before.name, "is being removed");
    return;
  }
  await followToVerdict(cli, api, {
    withEvents: false,
    title: `removing ${name}`,
    send,
    after: await lastEventSeq(api, name),
    steps: endSteps,
    goals: ["ended"],
  });
  say(cli, before.name, "is removed");
}

function say(cli: Cli, name: string, outcome: string): void {
  print(cli, cli.json ? JSON.stringify({ name, outcome }) : `${name} ${outcome}`);
}
