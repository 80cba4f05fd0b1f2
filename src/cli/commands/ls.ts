/** `holdfast ls`: every session in one line. */
import type { Api } from "../../client/api.ts";
import type { SandboxSeconds, Session } from "../../client/api-types.ts";
import { HubError } from "../../base/hub-error.ts";
import { connectApi } from "../connection.ts";
import { flagOption, note, print, printJson, type Cli, type Run } from "../cli.ts";
import { formatAge, formatDuration } from "../render/durations.ts";
import { paintState, plain } from "../render/paint.ts";
import { renderTable } from "../render/table.ts";

/** The hub's own bound for one page. */
const PAGE_SESSIONS = 100;

export const run: Run = async (cli) => {
  const api = connectApi(cli);
  if (flagOption(cli, "cost")) return listCosts(cli, api);
  const sessions = await allSessions(api);
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
    plain(noteOf(session)),
  ]);
  print(cli, renderTable(["NAME", "STATE", "PLATFORM", "EPOCH", "CHANGED", "NOTE"], rows));
  return 0;
};

function noteOf({ lastError, source }: Session): string {
  if (lastError !== null) return lastError.code;
  return (source?.warning ?? null) === null ? "" : "image fallback";
}

/** What each session's sandboxes have cost, and the hub's sum over all that there ever were. */
async function listCosts(cli: Cli, api: Api): Promise<number> {
  const [sessions, { cost }] = await Promise.all([allSessions(api), api.platform()]);
  if (cost === undefined) {
    throw new HubError("NotFound", "this hub does not count what sandboxes cost", {
      hint: "Update the hub: `holdfast down`, then `holdfast up`.",
    });
  }
  if (cli.json) {
    const items = sessions.map((session) => ({ name: session.name, cost: session.cost ?? null }));
    printJson(cli, { sessions: items, hub: cost });
    return 0;
  }
  const rows = sessions.flatMap(({ name, cost: own }) =>
    own === undefined ? [] : [costRow(name, own.sandboxSeconds, 0, own.cleaned)],
  );
  const sum = costRow("all, ever", cost.sandboxSeconds, cost.sandboxSeconds.control, cost.cleaned);
  print(cli, renderTable(COST_HEAD, [...rows, sum]));
  const { now } = cost;
  const counts = Object.entries(now).map(([kind, count]) => `${count} ${kind}`);
  note(cli, cli.notePaint.dim(`sandboxes now: ${counts.join(", ")}`));
  return 0;
}

const COST_HEAD = ["NAME", "IN USE", "SUSPENDED", "GIVEN UP", "QUARANTINED", "CONTROL", "CLEANED"];

function costRow(
  name: string,
  seconds: SandboxSeconds,
  control: number,
  cleaned: number,
): readonly string[] {
  const { owned, suspended, orphaned, quarantined } = seconds;
  const times = [owned, suspended, orphaned, quarantined, control].map((value) =>
    value === 0 ? "-" : formatDuration(value * 1_000),
  );
  return [name, ...times, String(cleaned)];
}

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
