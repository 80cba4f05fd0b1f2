/** `holdfast ls`: every session in one line. */
import type { Api } from "../../client/api.ts";
import type { Session } from "../../client/api-types.ts";
import { connectApi } from "../connection.ts";
import { note, print, printJson, type Run } from "../cli.ts";
import { formatAge } from "../render/durations.ts";
import { paintState, plain } from "../render/paint.ts";
import { renderTable } from "../render/table.ts";

/** The hub's own bound for one page. */
const PAGE_SESSIONS = 100;

export const run: Run = async (cli) => {
  const sessions = await allSessions(connectApi(cli));
  if (cli.json) {
    printJson(cli, sessions);
    return 0;
  }
  if (sessions.length === 0) {
    note(cli, "no sessions; start one with `holdfast new demo`");
    return 0;
  }
  const rows = sessions.map((session) => [
    session.name,
    paintState(cli.paint, session.state),
    session.platform,
    String(session.epoch),
    formatAge(session.updatedAt, Date.now()),
    plain(session.lastError === null ? "" : session.lastError.code),
  ]);
  print(cli, renderTable(["NAME", "STATE", "PLATFORM", "EPOCH", "CHANGED", "ERROR"], rows));
  return 0;
};

export async function allSessions(api: Api): Promise<Session[]> {
  const sessions: Session[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<Api["sessions"]>> = await api.sessions({
      limit: PAGE_SESSIONS,
      ...(cursor === null ? {} : { cursor }),
    });
    sessions.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return sessions;
}
