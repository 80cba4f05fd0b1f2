/** `holdfast events`: the story so far, and with -f as it goes on. */
import type { Api } from "../../client/api.ts";
import type { HubEvent } from "../../client/api-types.ts";
import { HubError } from "../../base/hub-error.ts";
import { connectApi } from "../connection.ts";
import { flagOption, note, print, textOption, usageError, type Cli, type Run } from "../cli.ts";
import { formatClock } from "../render/durations.ts";
import { plain } from "../render/paint.ts";
import { wholeTimeline } from "../whole-timeline.ts";

const REDIAL_MS = 1_000;

export const run: Run = async (cli, [name]) => {
  const api = connectApi(cli);
  const follow = flagOption(cli, "follow") || name === undefined;
  const session = name === undefined ? null : await api.session(name);
  const past = name === undefined ? [] : await pastOf(cli, api, name);
  for (const event of past) show(cli, event);
  const last = past.at(-1)?.seq ?? 0;
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

/** What is asked for of a session's story, in order. */
async function pastOf(cli: Cli, api: Api, name: string): Promise<readonly HubEvent[]> {
  if (flagOption(cli, "all")) return wholeTimeline(api, name);
  const [limit, before] = (["limit", "before"] as const).map((option) => textOption(cli, option));
  const { items, nextCursor } = await api.timelinePage(name, {
    ...(limit === undefined ? {} : { limit: wholeNumber("limit", limit) }),
    ...(before === undefined ? {} : { cursor: String(wholeNumber("before", before)) }),
  });
  const more = `earlier ones: holdfast events ${name} --before ${nextCursor ?? ""}, or --all`;
  if (nextCursor !== null) note(cli, more);
  return items;
}

function wholeNumber(option: string, text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw usageError(
    `--${option} ${text} is no number of an event`,
    "Write a whole number from 1 on.",
  );
}

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
