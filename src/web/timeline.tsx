/**
 * What happened to the session, newest first: a screenful at once, the rest on demand, and of tens
 * of thousands only those near the window are drawn.
 */
import { useState } from "preact/hooks";
import type { HubEvent } from "../client/api-types.ts";
import { clockText } from "./age-text.ts";
import type { Problem, Story } from "./board.ts";
import { useDrawnChunks } from "./drawn-chunks.ts";
import { plainText } from "./plain-text.ts";
import { ProblemBox } from "./problem-box.tsx";

/** Enough for the last attempt; all of it is one click away. */
const SHOWN_FIRST = 60;
const CHUNK = 50;
const ROW_PX = 24;

interface TimelineProps {
  readonly story: Story;
  /** Loads the page before; resolves with what was wrong, or null. */
  readonly onEarlier: () => Promise<Problem | null>;
}

export function Timeline({ story, onEarlier }: TimelineProps) {
  const [all, setAll] = useState(false);
  const [asking, setAsking] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const chunks = useDrawnChunks(ROW_PX);
  const newest = story.events.toReversed();
  const shown = all ? newest : newest.slice(0, SHOWN_FIRST);
  const hidden = newest.length - shown.length;
  const load = (): void => {
    setAsking(true);
    void onEarlier().then((wrong) => {
      setProblem(wrong);
      setAsking(false);
    });
  };
  const numbers = Array.from({ length: Math.ceil(shown.length / CHUNK) }, (_, chunk) => chunk);
  return (
    <section aria-labelledby="timeline-title">
      <h3 id="timeline-title">Timeline</h3>
      <div class="timeline" role="list" aria-labelledby="timeline-title">
        {numbers.map((chunk) => {
          const own = shown.slice(chunk * CHUNK, (chunk + 1) * CHUNK);
          // A screenful is there for whoever prints, or searches the page.
          const isDrawn = !all || chunks.drawn.has(chunk);
          const height = `${chunks.heightOf(chunk, own.length)}px`;
          return (
            <div
              key={chunk}
              role="presentation"
              data-chunk={chunk}
              ref={chunks.ref(chunk)}
              style={isDrawn ? undefined : { height }}
            >
              {isDrawn && own.map((event) => <Happened key={event.seq} event={event} />)}
            </div>
          );
        })}
      </div>
      {problem !== null && <ProblemBox problem={problem} what="refused" />}
      <p class="timeline-more">
        {hidden > 0 && (
          <button type="button" class="small" onClick={() => setAll(true)}>
            show {hidden.toLocaleString()} earlier
          </button>
        )}
        {hidden === 0 && story.earlier !== null && (
          <button type="button" class="small" disabled={asking} onClick={load}>
            {asking ? "loading…" : "load earlier"}
          </button>
        )}
        {all && (
          <span class="quiet">
            {newest.length.toLocaleString()} shown
            {story.earlier === null ? ", from the beginning" : ""}
          </span>
        )}
      </p>
    </section>
  );
}

function Happened({ event }: { readonly event: HubEvent }) {
  return (
    <div role="listitem" class={`happened ${toneOf(event)}`}>
      <time dateTime={event.at} title={event.at}>
        {clockText(event.at)}
      </time>
      <span class="kind">{event.kind}</span>
      <span class="text">{plainText(event.text)}</span>
    </div>
  );
}

/** Turns of the whole session stand out from the steps between them. */
function toneOf(event: HubEvent): string {
  if (event.kind === "session.failed") return "turn-bad";
  if (event.kind === "session.connected") return "turn-good";
  if (event.kind === "timeline.trimmed") return "turn-gap";
  const isTurn = event.kind === "intent.changed" || event.kind === "session.suspended";
  return isTurn ? "turn" : "step";
}
