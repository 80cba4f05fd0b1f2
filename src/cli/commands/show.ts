/** `holdfast show`: one session as the hub keeps it. */
import type { Session, SessionCost } from "../../client/api-types.ts";
import { connectApi } from "../connection.ts";
import { note, print, printJson, type Run } from "../cli.ts";
import { formatAge, formatDuration } from "../render/durations.ts";
import { paintState, plain } from "../render/paint.ts";
import { renderSessionError } from "../render/problem.ts";
import { renderPairs } from "../render/table.ts";

export const run: Run = async (cli, [name = ""]) => {
  const session = await connectApi(cli).session(name);
  if (cli.json) {
    printJson(cli, session);
    return 0;
  }
  const now = Date.now();
  const detail = session.detail === null ? "" : ` (${session.detail})`;
  print(
    cli,
    renderPairs([
      ["name", session.name],
      ["id", session.id],
      ["state", paintState(cli.paint, session.state) + detail],
      ["wanted", session.desired],
      ["platform", session.platform],
      ["sandbox", session.sandboxId ?? "none yet"],
      ["from", plain(sourceLine(session))],
      ["epoch", String(session.epoch)],
      ["created", `${session.createdAt} (${formatAge(session.createdAt, now)})`],
      ["changed", `${session.updatedAt} (${formatAge(session.updatedAt, now)})`],
      ["cost", costLine(session.cost)],
      ["deadline", session.deadlineAt ?? "none: nothing is running"],
    ]),
  );
  if (session.lastError !== null) {
    const lead = session.state === "error" ? "" : "last error, since overcome\n";
    note(cli, lead + renderSessionError(session.name, session.lastError, cli.notePaint));
  }
  return 0;
};

function sourceLine({ source }: Session): string {
  if (source === null || source === undefined) return "nothing was asked for yet";
  if (source.warning !== null) return `image ${source.name ?? ""}, a fallback: ${source.warning}`;
  return source.name === null ? "the platform's default" : `${source.kind} ${source.name}`;
}

/** Sandbox time by kind; kinds with none are left out. */
function costLine(cost: SessionCost | undefined): string {
  if (cost === undefined) return "not counted by this hub";
  const { owned, suspended, orphaned, quarantined } = cost.sandboxSeconds;
  const parts = [
    [owned, "in use"],
    [suspended, "suspended"],
    [orphaned, "given up"],
    [quarantined, "in quarantine"],
  ] as const;
  const spent = parts.filter(([seconds]) => seconds > 0);
  if (spent.length === 0) return "no sandbox so far";
  return spent.map(([seconds, how]) => `${formatDuration(seconds * 1_000)} ${how}`).join(", ");
}
