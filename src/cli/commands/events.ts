/** `holdfast events`: the story so far, and with -f as it goes on. */
import type { HubEvent } from "../../client/api-types.ts";
import { HubError } from "../../base/hub-error.ts";
import { connectApi } from "../connection.ts";
import { flagOption, note, print, type Cli, type Run } from "../cli.ts";
import { formatClock } from "../render/durations.ts";
import { plain } from "../render/paint.ts";

const REDIAL_MS = 1_000;

export const run: Run = async (cli, [name]) => {
  const api = connectApi(cli);
  const follow = flagOption(cli, "follow") || name === undefined;
  const session = name === undefined ? null : await api.session(name);
  let last = 0;
  if (name !== undefined) {
    for (const event of await api.timeline(name)) {
      show(cli, event);
      last = Math.max(last, event.seq);
    }
  }
  if (!follow) return 0;
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  const events = api.events({
    ...(session === null ? {} : { session: session.id, after: last }),
    signal: stop.signal,
    onLost: (error) => reconnect(cli, error),
  });
  for await (const event of events) show(cli, event);
  return 130;
};

/** A hub that restarts is waited for; a refusal is final. */
async function reconnect(cli: Cli, error: unknown): Promise<void> {
  if (error instanceof HubError && error.code !== "HubUnreachable") throw error;
  note(cli, "the connection to the hub broke; reconnecting");
  await new Promise((resolve) => setTimeout(resolve, REDIAL_MS));
}

function show(cli: Cli, event: HubEvent): void {
  if (cli.json) {
    print(cli, JSON.stringify(event));
    return;
  }
  const { dim } = cli.paint;
  const who = event.name ?? event.session ?? "hub";
  print(
    cli,
    `${dim(formatClock(event.at))}  ${who}  ${event.kind.padEnd(18)}  ${plain(event.text)}`,
  );
}
