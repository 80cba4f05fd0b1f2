/**
 * The two flows that a reader must know, as pictures: who says what to whom, and which state of the
 * session machine that leads to. The states are asked of the machine, so that a picture with one
 * that is gone is not drawn. `npm run docs` writes them.
 */
import { allNodes, isLeaf, placeOf } from "./session-chart.ts";

const lanes = ["platform", "hub", "driver"] as const;
type Lane = (typeof lanes)[number];

interface Step {
  /** Whoever says it; the same lane twice is something that happens there. */
  readonly from: Lane;
  readonly to: Lane;
  readonly text: string;
  /** Where the session is from here on. */
  readonly state?: string;
  readonly kind?: "claim" | "evidence" | "broken";
}

type Meaning = Pick<Step, "state" | "kind">;
const says = (from: Lane, to: Lane, text: string, meaning: Meaning = {}): Step => {
  return { from, to, text, ...meaning };
};
const launches = (state: string): Step =>
  says("hub", "platform", "upload the driver, start it", { state });
const dials = says("driver", "hub", "dials, with token and ticket");
const proven: Meaning = { kind: "evidence", state: "connected.healthy" };

const connected: readonly Step[] = [
  says("hub", "hub", "the intent is a fact on disk", { state: "creating.requesting" }),
  says("hub", "platform", "create, by name and labels"),
  says("platform", "hub", "“started”", { kind: "claim", state: "creating.bootstrapping" }),
  launches("creating.awaitingDriver"),
  dials,
  says("hub", "driver", "epoch 1, once it is a fact", { state: "creating.proving" }),
  says("hub", "driver", "a nonce, a command, a file"),
  says("driver", "hub", "all three came back", { kind: "evidence" }),
  says("hub", "platform", "a command and a file that way, too"),
  says("platform", "hub", "both came back", proven),
];

const healed: readonly Step[] = [
  says("driver", "driver", "is killed", { kind: "broken", state: "connected.healthy" }),
  says("driver", "hub", "its link ends", { kind: "broken", state: "nudging.signalling" }),
  says("platform", "hub", "still says “started”", { kind: "claim" }),
  says("hub", "platform", "SIGUSR1 to the driver's process"),
  says("platform", "hub", "no such process", { kind: "evidence", state: "nudging.relaunching" }),
  launches("nudging.awaitingLaunched"),
  dials,
  says("hub", "driver", "epoch 2: the first one is fenced", { state: "nudging.proving" }),
  says("driver", "hub", "nonce, command, file", { kind: "evidence" }),
  says("platform", "hub", "command, file", proven),
];

const WIDTH = 890;
const TOP = 66;
const STEP = 40;
const laneX: Readonly<Record<Lane, number>> = { platform: 90, hub: 350, driver: 610 };
const STATE_X = 700;
const colours = { plain: "#475569", claim: "#a16207", evidence: "#15803d", broken: "#b91c1c" };

export const connectedFlow = (): string =>
  drawn(connected, "From a request to connected: only what came back counts");
export const healedFlow = (): string =>
  drawn(healed, "From a driver that died to connected again: nothing is restarted that works");

function drawn(steps: readonly Step[], label: string): string {
  const leaves = new Set(allNodes().filter(isLeaf).map(placeOf));
  for (const { state } of steps)
    if (state !== undefined && !leaves.has(state)) throw new Error(`no state ${state}`);
  const height = TOP + steps.length * STEP + 16;
  const lines = lanes.map(
    (lane) =>
      `<text x="${laneX[lane]}" y="32" text-anchor="middle" font-weight="600">${lane}</text>` +
      `<path d="M${laneX[lane]} 44V${height - 14}" stroke="#cbd5e1"/>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}"\
 font-family="ui-sans-serif, system-ui, sans-serif" font-size="13" fill="#0f172a" role="img"\
 aria-label="${label}">
<rect width="${WIDTH}" height="${height}" rx="10" fill="#f8fafc"/>
<text x="${STATE_X}" y="32" font-weight="600">state</text>
${lines.join("\n")}
${steps.map(arrow).join("\n")}
</svg>
`;
}

function arrow(step: Step, index: number): string {
  const { from, to, text, kind, state } = step;
  const y = TOP + index * STEP + 12;
  const colour = colours[kind ?? "plain"];
  const [x1, x2] = [laneX[from], laneX[to]];
  const tip = x2 > x1 ? -7 : 7;
  const line =
    from === to
      ? `<circle cx="${x1}" cy="${y}" r="4" fill="${colour}"/>`
      : `<path d="M${x1} ${y}H${x2 + tip}" stroke="${colour}" stroke-width="1.6"/>` +
        `<path d="M${x2} ${y}l${tip * 1.3} -4.5v9z" fill="${colour}"/>`;
  const middle = from === to ? x1 : (x1 + x2) / 2;
  const words =
    `<text x="${middle}" y="${y - 7}" text-anchor="middle" fill="${colour}"` +
    ` paint-order="stroke" stroke="#f8fafc" stroke-width="4">${text}</text>`;
  const where =
    state === undefined ? "" : `<text x="${STATE_X}" y="${y + 4}" font-size="12">${state}</text>`;
  return line + words + where;
}
