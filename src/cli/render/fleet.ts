/**
 * Sessions as lines, once or as they change: on a terminal one table that is drawn again, with the
 * ages running; in a pipe one line per change; under --json one object per line.
 */
import type { Session } from "../../client/api-types.ts";
import { isRedrawn, note, print, type Cli } from "../cli.ts";
import type { FleetChange } from "../fleet-watch.ts";
import { formatAge, formatClock } from "./durations.ts";
import { paintState, plain, type Paint } from "./paint.ts";
import { renderTable } from "./table.ts";

const HEAD = ["NAME", "STATE", "PLATFORM", "EPOCH", "CHANGED", "NOTE"];
/** Ages run in seconds. */
const REDRAW_MS = 1_000;
/** Of a terminal that does not say how high it is. */
const LINES_UNSAID = 24;
/** The table's head, the line above it, the one below it, and the cursor's. */
const LINES_AROUND = 4;

export interface FleetView {
  readonly show: (change: FleetChange) => void;
  readonly say: (text: string) => void;
  readonly close: () => void;
}

export function fleetTable(
  sessions: readonly Session[],
  paint: Paint,
  nowMs: number,
  columns?: number,
): string {
  const areSeveral = new Set(sessions.map(({ hub }) => hub)).size > 1;
  const rows = sessions.map((session) => [
    plain(session.name),
    paintState(paint, session.state),
    session.platform,
    ...(areSeveral ? [plain(session.hub ?? "-")] : []),
    String(session.epoch),
    formatAge(session.updatedAt, nowMs),
    plain(noteOf(session)),
  ]);
  return renderTable(HEAD.toSpliced(3, 0, ...(areSeveral ? ["HUB"] : [])), rows, columns);
}

/** What is wrong with it in a word, or what there is to know although nothing is. */
function noteOf({ lastError, health, source, state, stale }: Session): string {
  if (lastError !== null) return lastError.code;
  if (stale !== undefined) return `unproven: ${stale}`;
  const isHeld = health !== undefined && health.status !== "pass" && state !== "suspended";
  if (isHeld && health.verdict.code !== "Connected") return health.verdict.code;
  if ((source?.warning ?? null) !== null) return "image fallback";
  return (health?.disagreement ?? null) === null ? "" : "claim contradicted";
}

export function openFleetView(cli: Cli): FleetView {
  if (cli.json) return jsonView(cli);
  return isRedrawn(cli, cli.stdout) ? terminalView(cli) : lineView(cli);
}

function jsonView(cli: Cli): FleetView {
  return {
    show({ changed, gone }) {
      for (const session of changed) print(cli, JSON.stringify({ session }));
      for (const { id, name } of gone) print(cli, JSON.stringify({ gone: { id, name } }));
    },
    say: (text) => note(cli, text),
    close: () => undefined,
  };
}

function lineView(cli: Cli): FleetView {
  return {
    show({ changed, gone }) {
      for (const session of changed) {
        const { name, updatedAt, state } = session;
        const said = plain(noteOf(session));
        const line = `${formatClock(updatedAt)}  ${plain(name)}  ${state.padEnd(9)}  ${said}`;
        print(cli, line.trimEnd());
      }
      const now = formatClock(new Date().toISOString());
      for (const { name } of gone) print(cli, `${now}  ${plain(name)}  gone`);
    },
    say: (text) => note(cli, text),
    close: () => undefined,
  };
}

function terminalView(cli: Cli): FleetView {
  let sessions: readonly Session[] | null = null;
  let saying: string | null = null;
  let drawn = 0;
  const draw = (): void => {
    if (sessions === null) return;
    const room = Math.max(1, (cli.stdout.rows || LINES_UNSAID) - LINES_AROUND);
    const lines = fleetLines(sessions, room, cli.paint, saying);
    const up = drawn > 0 ? `\u001b[${drawn}A` : "";
    const block = lines.map((line) => `${line}\u001b[K\n`).join("");
    // A line that wrapped would break the count of lines to go up: the terminal cuts it instead.
    cli.stdout.write(`${up}\r\u001b[?7l${block}\u001b[J\u001b[?7h`);
    drawn = lines.length;
  };
  const timer = setInterval(draw, REDRAW_MS);
  return {
    show(change) {
      sessions = change.sessions;
      saying = null;
      draw();
    },
    say(text) {
      saying = text;
      draw();
    },
    close() {
      clearInterval(timer);
      draw();
    },
  };
}

/** As many as there is room for; where that is not all, those that are not connected come first. */
export function fleetLines(
  sessions: readonly Session[],
  room: number,
  paint: Paint,
  saying: string | null,
): readonly string[] {
  const states = new Map<Session["state"], number>();
  for (const { state } of sessions) states.set(state, (states.get(state) ?? 0) + 1);
  const counts = [...states].map(([state, count]) => `${count} ${paintState(paint, state)}`);
  const isFull = sessions.length > room;
  const isCalm = ({ state }: Session): boolean => state === "connected" || state === "suspended";
  const wanted = isFull
    ? [...sessions].sort((a, b) => Number(isCalm(a)) - Number(isCalm(b))).slice(0, room)
    : sessions;
  const left = sessions.length - wanted.length;
  const more = `${left} more; --state, --code and --label leave out the rest`;
  return [
    counts.length === 0 ? "no session is so" : counts.join(", "),
    ...(sessions.length === 0 ? [] : fleetTable(wanted, paint, Date.now()).split("\n")),
    paint.dim(saying ?? (left > 0 ? more : "^C ends this, and no session")),
  ];
}
