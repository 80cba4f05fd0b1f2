/** What happened to the session, newest first. */
import { useState } from "preact/hooks";
import type { HubEvent } from "../client/api-types.ts";
import { clockText } from "./age-text.ts";
import { plainText } from "./plain-text.ts";

/** Enough for the last attempt; all of it is one click away. */
const SHOWN_FIRST = 60;

export function Timeline({ events }: { readonly events: readonly HubEvent[] }) {
  const [all, setAll] = useState(false);
  const newest = events.toReversed();
  const shown = all ? newest : newest.slice(0, SHOWN_FIRST);
  const hidden = newest.length - shown.length;
  return (
    <section aria-labelledby="timeline-title">
      <h3 id="timeline-title">Timeline</h3>
      <ol class="timeline">
        {shown.map((event) => (
          <li key={event.seq} class={toneOf(event)}>
            <time dateTime={event.at} title={event.at}>
              {clockText(event.at)}
            </time>
            <span class="kind">{event.kind}</span>
            <span class="text">{plainText(event.text)}</span>
          </li>
        ))}
      </ol>
      {hidden > 0 && (
        <button type="button" class="small" onClick={() => setAll(true)}>
          show {hidden} earlier
        </button>
      )}
    </section>
  );
}

/** Turns of the whole session stand out from the steps between them. */
function toneOf(event: HubEvent): string {
  if (event.kind === "session.failed") return "turn-bad";
  if (event.kind === "session.connected") return "turn-good";
  const isTurn = event.kind === "intent.changed" || event.kind === "session.suspended";
  return isTurn ? "turn" : "step";
}
