/** What `new`, `pause`, `resume` and `retry` share: ask, wait for the verdict, say how it ended. */
import type { Api, SessionAction } from "../client/api.ts";
import type { Session } from "../client/api-types.ts";
import { lastEventSeq } from "../client/verdict.ts";
import { faults } from "../base/faults.ts";
import { connectApi } from "./connection.ts";
import { note, print, printJson, type Cli, type Run } from "./cli.ts";
import { followToVerdict, type Ask } from "./follow.ts";
import { formatDuration } from "./render/durations.ts";
import { plain, stateInSentence } from "./render/paint.ts";
import { renderSessionError } from "./render/problem.ts";
import { asTyped } from "./installation.ts";

export interface Settling extends Omit<Ask, "withEvents"> {
  /** The state that the user asked for. */
  readonly success: Session["state"];
}

export async function settle(cli: Cli, api: Api, asking: Settling): Promise<number> {
  const beganAtMs = Date.now();
  if (cli.options["wait"] === false) {
    const session = await asking.send();
    if (cli.json) printJson(cli, session);
    else
      print(
        cli,
        `${session.name} is ${stateInSentence(session.state)}; \`holdfast show ${session.name}\` follows up`,
      );
    return 0;
  }
  const session = await followToVerdict(cli, api, { ...asking, withEvents: true });
  if (cli.json) cli.stdout.write(`${JSON.stringify(session)}\n`);
  if (session.state === asking.success) {
    if (!cli.json) saySuccess(cli, session, Date.now() - beganAtMs);
    return 0;
  }
  if (!cli.json) saySetback(cli, session, asking.success);
  return faults.SessionNotConnected.exit;
}

/** A command that sends one lifecycle action to a named session. */
export function actionCommand(
  action: Exclude<SessionAction, "probe">,
  title: string,
  outcome: Pick<Settling, "steps" | "goals" | "success">,
): Run {
  return async (cli, [name = ""]) => {
    const api = connectApi(cli);
    return settle(cli, api, {
      ...outcome,
      title: `${title} ${name}`,
      after: await lastEventSeq(api, name),
      send: () => api.act(name, action),
    });
  };
}

function saySuccess(cli: Cli, session: Session, tookMs: number): void {
  const { name, state } = session;
  const proven = state === "connected" ? `, driver epoch ${session.epoch}` : "";
  print(cli, `${name} is ${state} (${formatDuration(tookMs)}${proven})`);
  const warning = session.source?.warning ?? null;
  if (warning !== null) note(cli, `${cli.notePaint.yellow("warning:")} ${plain(warning)}`);
  for (const { sandboxName, until } of session.quarantine ?? []) {
    const kept = `its sandbox is a fresh one: ${sandboxName} was replaced and is kept until ${until}`;
    note(cli, `${cli.notePaint.yellow("warning:")} ${plain(kept)}`);
  }
  const next =
    state === "connected"
      ? [`holdfast sh ${name}`, `holdfast exec ${name} -- uname -a`, `holdfast health ${name}`]
      : [`holdfast resume ${name}`, `holdfast health ${name}`, `holdfast rm ${name}`];
  note(cli, cli.notePaint.dim(nextCommands(next.map(asTyped), cli.stderr.columns)));
}

/** On one line where it has the room: what is to be copied is not broken in two. */
export function nextCommands(commands: readonly string[], columns = Infinity): string {
  const line = `next: ${commands.join("  |  ")}`;
  return line.length <= columns ? line : `next: ${commands.join("\n      ")}`;
}

function saySetback(cli: Cli, session: Session, wanted: string): void {
  if (session.lastError !== null && session.state === "error") {
    note(cli, renderSessionError(session.name, session.lastError, cli.notePaint));
    return;
  }
  const paint = cli.notePaint;
  note(
    cli,
    `${paint.red("error:")} ${session.name} is ${stateInSentence(session.state)}, not ${wanted}`,
  );
  const next = asTyped(`\`holdfast why ${session.name}\` tells how it came to that`);
  note(cli, `  ${paint.bold("next:")} ${next}`);
}
