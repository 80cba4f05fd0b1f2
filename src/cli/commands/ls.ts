/** `holdfast ls`: every session in one line, once or as they change. */
import type { Api, SessionQuery } from "../../client/api.ts";
import type { HubCost, SandboxSeconds, Session, SessionCost } from "../../client/api-types.ts";
import { HubError } from "../../base/hub-error.ts";
import { connectApi } from "../connection.ts";
import {
  flagOption,
  listOption,
  note,
  print,
  printJson,
  textOption,
  usageError,
  type Cli,
  type Run,
} from "../cli.ts";
import { allSessions, watchFleet } from "../fleet-watch.ts";
import { hubReport } from "../hub-report.ts";
import { formatDuration } from "../render/durations.ts";
import { fleetTable, openFleetView } from "../render/fleet.ts";
import { renderTable } from "../render/table.ts";

export const run: Run = async (cli) => {
  const api = connectApi(cli);
  const query = queryOf(cli);
  if (flagOption(cli, "watch")) return watch(cli, api, query);
  if (flagOption(cli, "cost")) return listCosts(cli, api, query);
  const { sessions } = await allSessions(api, { ...query, health: true });
  if (cli.json) {
    printJson(cli, sessions);
    return 0;
  }
  const isFiltered = Object.keys(query).length > 0;
  const none = isFiltered ? "no session is so" : "no sessions; start one with `holdfast new demo`";
  if (sessions.length === 0) note(cli, none);
  else print(cli, fleetTable(sessions, cli.paint, Date.now(), cli.stdout.columns));
  return 0;
};

/** The hub knows what may stand in them, and refuses the rest by name. */
function queryOf(cli: Cli): SessionQuery {
  const [state, code] = [textOption(cli, "state"), textOption(cli, "code")];
  const label = listOption(cli, "label");
  return {
    ...(state === undefined ? {} : { state: state.split(",") }),
    ...(code === undefined ? {} : { code: code.split(",") }),
    ...(label.length === 0 ? {} : { label }),
  };
}

async function watch(cli: Cli, api: Api, query: SessionQuery): Promise<number> {
  if (flagOption(cli, "cost"))
    throw usageError("--watch and --cost exclude each other", "Leave one of them out.");
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  const view = openFleetView(cli);
  try {
    await watchFleet(api, {
      query: { ...query, health: true },
      signal: stop.signal,
      onChange: view.show,
      onAway: () => view.say("the connection to the hub broke; reconnecting"),
    });
  } finally {
    view.close();
  }
  return 130;
}

/**
 * What each session's sandboxes have cost, and the hub's sum over all that there ever were; for
 * whoever is not told of the hub, the sum over those that are listed.
 */
async function listCosts(cli: Cli, api: Api, query: SessionQuery): Promise<number> {
  const [{ sessions }, report] = await Promise.all([allSessions(api, query), hubReport(api)]);
  if (report !== null && report.cost === undefined) {
    throw new HubError("NotFound", "this hub does not count what sandboxes cost", {
      hint: "Update the hub: `holdfast down`, then `holdfast up`.",
    });
  }
  const hub = report?.cost ?? null;
  if (cli.json) {
    const items = sessions.map((session) => ({ name: session.name, cost: session.cost ?? null }));
    printJson(cli, { sessions: items, hub });
    return 0;
  }
  const rows = sessions.flatMap(({ name, cost }) =>
    cost === undefined ? [] : [costRow(name, cost.sandboxSeconds, cost.cleaned)],
  );
  const sum =
    hub === null
      ? sumRow("all of these", sessions)
      : costRow("all, ever", hub.sandboxSeconds, hub.cleaned);
  print(cli, renderTable(COST_HEAD, [...rows, sum], cli.stdout.columns));
  note(cli, cli.notePaint.dim(hub === null ? ONLY_THESE : countsOf(hub.now)));
  return 0;
}

const COST_HEAD = ["NAME", "IN USE", "SUSPENDED", "GIVEN UP", "QUARANTINED", "CONTROL", "CLEANED"];

const ONLY_THESE = "of sessions that ended, and of the hub as a whole, its own people are told";

function countsOf(now: HubCost["now"]): string {
  const counts = Object.entries(now).map(([kind, count]) => `${count} ${kind}`);
  return `sandboxes now: ${counts.join(", ")}`;
}

function sumRow(name: string, sessions: readonly Session[]): readonly string[] {
  const costs = sessions.flatMap(({ cost }) => cost ?? []);
  const sumOf = (pick: (cost: SessionCost) => number): number =>
    costs.reduce((sum, cost) => sum + pick(cost), 0);
  const seconds = {
    owned: sumOf(({ sandboxSeconds }) => sandboxSeconds.owned),
    suspended: sumOf(({ sandboxSeconds }) => sandboxSeconds.suspended),
    orphaned: sumOf(({ sandboxSeconds }) => sandboxSeconds.orphaned),
    quarantined: sumOf(({ sandboxSeconds }) => sandboxSeconds.quarantined),
  };
  return costRow(
    name,
    seconds,
    sumOf(({ cleaned }) => cleaned),
  );
}

/** No session has control sandboxes. */
function costRow(
  name: string,
  seconds: SandboxSeconds & { readonly control?: number },
  cleaned: number,
): readonly string[] {
  const { owned, suspended, orphaned, quarantined, control = 0 } = seconds;
  const times = [owned, suspended, orphaned, quarantined, control].map((value) =>
    value === 0 ? "-" : formatDuration(value * 1_000),
  );
  return [name, ...times, String(cleaned)];
}
