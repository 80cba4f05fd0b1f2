/** A session's story as a picture of lanes; what each of them holds: timeline-lanes.ts. */
import type { HubEvent } from "../client/api-types.ts";
import { clockText } from "./age-text.ts";
import { plainText } from "./plain-text.ts";
import { lanesOf, type Band, type Lanes, type Mark } from "./timeline-lanes.ts";

export function TimelinePicture({ events }: { readonly events: readonly HubEvent[] }) {
  const lanes = lanesOf(events);
  if (lanes === null) return null;
  return (
    <section aria-labelledby="picture-title">
      <h3 id="picture-title">What happened</h3>
      <figure class="lanes" role="img" aria-label={sentenceOf(lanes)}>
        <Lane name="state" bands={lanes.states} />
        <Lane name="platform says" bands={lanes.claims} />
        <Lane name="driver" bands={lanes.links} />
        <Lane name="probes" marks={lanes.probes} />
        <Lane name="hub does" bands={lanes.deeds} />
        <figcaption>
          <time dateTime={lanes.from}>{clockText(lanes.from)}</time>
          <span>long waits are drawn short</span>
          <time dateTime={lanes.to}>{clockText(lanes.to)}</time>
        </figcaption>
      </figure>
    </section>
  );
}

interface LaneProps {
  readonly name: string;
  readonly bands?: readonly Band[];
  readonly marks?: readonly Mark[];
}

function Lane({ name, bands = [], marks = [] }: LaneProps) {
  return (
    <>
      <span class="lane-name">{name}</span>
      <div class="lane" data-lane={name}>
        {bands.map(({ at, width, tone, label, title }, index) => (
          <span
            key={index}
            class={`band band-${tone} chip-${tone}`}
            style={{ left: `${at}%`, width: `${width}%` }}
            title={plainText(title)}
            data-band={label}
          >
            {label}
          </span>
        ))}
        {marks.map(({ at, ok, title }, index) => (
          <span
            key={index}
            class={`tick tick-${ok ? "ok" : "failed"}`}
            style={{ left: `${at}%` }}
            title={plainText(title)}
          />
        ))}
      </div>
    </>
  );
}

/** The list below has it all; this is what the picture shows at a glance. */
function sentenceOf({ from, to, states, probes }: Lanes): string {
  const failed = probes.filter(({ ok }) => !ok).length;
  const way = states.map(({ label }) => label).join(", ");
  return `${way} between ${clockText(from)} and ${clockText(to)}; ${failed} of ${probes.length} probes failed`;
}
