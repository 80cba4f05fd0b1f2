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

const connected: readonly Step[] = [
  { from: "hub", to: "hub", text: "the intent is a fact on disk", state: "creating.requesting" },
  { from: "hub", to: "platform", text: "create, by name and labels" },
  {
    from: "platform",
    to: "hub",
    text: "“started”",
    kind: "claim",
    state: "creating.bootstrapping",
  },
  {
    from: "hub",
    to: "platform",
    text: "upload the driver, start it",
    state: "creating.awaitingDriver",
  },
  { from: "driver", to: "hub", text: "dials, with token and ticket" },
  { from: "hub", to: "driver", text: "epoch 1, once it is a fact", state: "creating.proving" },
  { from: "hub", to: "driver", text: "a nonce, a command, a file" },
  { from: "driver", to: "hub", text: "all three came back", kind: "evidence" },
  { from: "hub", to: "platform", text: "a command and a file that way, too" },
  {
    from: "platform",
    to: "hub",
    text: "both came back",
    kind: "evidence",
    state: "connected.healthy",
  },
];

const healed: readonly Step[] = [
  { from: "driver", to: "driver", text: "is killed", kind: "broken", state: "connected.healthy" },
  { from: "driver", to: "hub", text: "its link ends", kind: "broken", state: "nudging.signalling" },
  { from: "platform", to: "hub", text: "still says “started”", kind: "claim" },
  { from: "hub", to: "platform", text: "SIGUSR1 to the driver's process" },
  {
    from: "platform",
    to: "hub",
    text: "no such process",
    kind: "evidence",
    state: "nudging.relaunching",
  },
  {
    from: "hub",
    to: "platform",
    text: "upload the driver, start it",
    state: "nudging.awaitingLaunched",
  },
  { from: "driver", to: "hub", text: "dials, with token and ticket" },
  { from: "hub", to: "driver", text: "epoch 2: the first one is fenced", state: "nudging.proving" },
  { from: "driver", to: "hub", text: "nonce, command, file", kind: "evidence" },
  {
    from: "platform",
    to: "hub",
    text: "command, file",
    kind: "evidence",
    state: "connected.healthy",
  },
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
