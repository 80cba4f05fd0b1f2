/**
 * `holdfast chaos`: makes the local platform fail for one session or for all, on purpose. What was
 * switched on is told in the session's health and timeline as a drill.
 */
import { connectApi } from "../connection.ts";
import {
  flagOption,
  print,
  printJson,
  textOption,
  usageError,
  type Cli,
  type Run,
} from "../cli.ts";
import { PlatformDrills, type DrillOrder, type DrillView } from "../platform-drills.ts";
import { formatClock, parseDuration } from "../render/durations.ts";
import { plain } from "../render/paint.ts";
import { renderTable } from "../render/table.ts";

const shape = "holdfast chaos SESSION FAULT, holdfast chaos --all FAULT, chaos ls, chaos clear";

export const run: Run = async (cli, words) => {
  const all = flagOption(cli, "all");
  const [first = "", second, ...rest] = words;
  const fits =
    all || first === "ls" ? second === undefined : first === "clear" || second !== undefined;
  if (first === "" || rest.length > 0 || !fits) {
    throw usageError(`chaos ${words.join(" ")}`.trim(), `Write ${shape}.`);
  }
  const drills = new PlatformDrills(cli);
  if (first === "ls") return list(cli, drills);
  if (first === "clear") {
    return tell(
      cli,
      await drills.clear(second === undefined ? null : await sandboxOf(cli, second)),
    );
  }
  const order = orderOf(cli, all ? first : (second ?? ""));
  const sandbox = all ? undefined : await sandboxOf(cli, first);
  return tell(cli, [await drills.start(sandbox === undefined ? order : { ...order, sandbox })]);
};

async function sandboxOf(cli: Cli, session: string): Promise<string> {
  const { sandboxId, state } = await connectApi(cli).session(session);
  if (sandboxId !== null) return sandboxId;
  throw usageError(
    `${session} has no sandbox (${state})`,
    "What is yet to be created is drilled with --all, for one call with --times 1.",
  );
}

function orderOf(cli: Cli, fault: string): DrillOrder {
  const forMs = durationOption(cli, "for");
  const delayMs = durationOption(cli, "delay");
  const times = textOption(cli, "times");
  const reason = textOption(cli, "reason");
  if (times !== undefined && !/^[1-9]\d{0,5}$/.test(times)) {
    throw usageError(`--times ${times} is no count`, "Write a whole number from 1 on.");
  }
  return {
    fault,
    ...(forMs === undefined ? {} : { forMs }),
    ...(delayMs === undefined ? {} : { delayMs }),
    ...(times === undefined ? {} : { times: Number(times) }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function durationOption(cli: Cli, name: string): number | undefined {
  const text = textOption(cli, name);
  if (text === undefined) return undefined;
  const durationMs = parseDuration(text);
  if (durationMs !== null && durationMs >= 1) return Math.round(durationMs);
  throw usageError(`--${name} ${text} is no duration`, "Write 90s, 2m or 500ms.");
}

async function list(cli: Cli, drills: PlatformDrills): Promise<number> {
  const board = await drills.board();
  if (cli.json) {
    printJson(cli, board);
    return 0;
  }
  const rows = board.faults.map(({ fault, about, real }) => [fault, real ? "real" : "lie", about]);
  print(cli, renderTable(["FAULT", "", "WHAT IS SEEN"], rows));
  print(cli, board.on.length === 0 ? "\nno drill is on" : `\n${drillTable(board.on)}`);
  return 0;
}

function tell(cli: Cli, drills: readonly DrillView[]): number {
  if (cli.json) printJson(cli, drills);
  else print(cli, drills.length === 0 ? "no drill was on" : drillTable(drills));
  return 0;
}

function drillTable(drills: readonly DrillView[]): string {
  const rows = drills.map((drill) => [
    drill.id,
    drill.fault,
    plain(drill.sandbox ?? "all"),
    drill.ended ?? (drill.until === null ? "on" : `on until ${formatClock(drill.until)}`),
    String(drill.uses),
  ]);
  return renderTable(["DRILL", "FAULT", "SANDBOX", "", "USES"], rows);
}
