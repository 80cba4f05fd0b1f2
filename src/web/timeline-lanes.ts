/**
 * A session's story as lanes under one another: the state that it was in, what the platform said of
 * it, when a driver was linked, what probes saw, what the hub did. Where they contradict each other
 * is seen at a glance. Pure; timeline-picture.tsx draws it.
 *
 * Seconds that decide lie beside hours in which nothing happens, so that a wait is drawn by the
 * logarithm of its length.
 */
import type { HubEvent } from "../client/api-types.ts";

/** Places and widths are hundredths of the width of the picture. */
export interface Band {
  readonly at: number;
  readonly width: number;
  /** Of a state: its own name. */
  readonly tone: string;
  readonly label: string;
  readonly title: string;
}

export interface Mark {
  readonly at: number;
  readonly ok: boolean;
  readonly title: string;
}

export interface Lanes {
  /** When it begins and when the newest event was. */
  readonly from: string;
  readonly to: string;
  readonly states: readonly Band[];
  readonly claims: readonly Band[];
  readonly links: readonly Band[];
  readonly probes: readonly Mark[];
  readonly deeds: readonly Band[];
}

/** More than these are narrower than a pixel. */
const EVENTS_MAX = 300;
/** The unit of waits: one of a minute is drawn nine times as wide as one of this length. */
const SHORT_MS = 100;
/** What lasts since the newest event has no length yet, and is what a reader looks for. */
const TAIL = 18;

const DEEDS: Readonly<Record<string, string>> = {
  "sandbox.requested": "create",
  "driver.launched": "launch",
  "nudge.sent": "nudge",
  "sandbox.restarted": "restart",
  "sandbox.quarantined": "replace",
  "control.asked": "control",
  "snapshot.activated": "activate",
  "start.fellBack": "fallback",
};

/**
 * Since somebody asked for something the last time but one: a resume that goes wrong is told with
 * its pause. Null when nothing was loaded yet.
 */
export function lanesOf(events: readonly HubEvent[]): Lanes | null {
  const asked = events.flatMap(({ kind }, index) => (kind === "intent.changed" ? [index] : []));
  const first = Math.max(0, asked.at(-2) ?? 0, events.length - EVENTS_MAX);
  const [begin, end] = [events[first], events.at(-1)];
  if (begin === undefined || end === undefined) return null;
  const place = placesOf(events.slice(first));
  const bands = (turns: readonly Turn[]) => bandsOf(turns, place, Date.parse(begin.at));
  const shown = events.slice(first);
  return {
    from: begin.at,
    to: end.at,
    states: bands(turnsOf(events, stateOf)),
    claims: bands(turnsOf(events, claimOf)),
    links: bands(turnsOf(events, linkOf)),
    probes: shown.flatMap((event) => markOf(event, place)),
    deeds: bands(shown.flatMap(deedOf)),
  };
}

type Place = (atMs: number) => number;

/** Where each instant stands, by the waits between the events. */
function placesOf(events: readonly HubEvent[]): Place {
  const times = [...new Set(events.map(({ at }) => Date.parse(at)))].sort((a, b) => a - b);
  let sum = 0;
  const sums = times.map((time, index) => {
    const before = times[index - 1] ?? time;
    return (sum += Math.log1p((time - before) / SHORT_MS));
  });
  const places = new Map(times.map((time, index) => [time, sums[index] ?? 0]));
  const scale = sum === 0 ? 0 : (100 - TAIL) / sum;
  return (atMs) => (places.get(atMs) ?? 0) * scale;
}

/** From here on it is so; a null word ends what was before. */
interface Turn {
  readonly atMs: number;
  readonly word: string | null;
  readonly tone: string;
  readonly title: string;
}

function turnsOf(
  events: readonly HubEvent[],
  turnOf: (event: HubEvent) => Omit<Turn, "atMs"> | null,
): readonly Turn[] {
  const turns: Turn[] = [];
  for (const event of events) {
    const turn = turnOf(event);
    if (turn === null || turn.word === (turns.at(-1)?.word ?? null)) continue;
    turns.push({ ...turn, atMs: Date.parse(event.at) });
  }
  return turns;
}

function stateOf({ state, at }: HubEvent): Omit<Turn, "atMs"> | null {
  return state === null ? null : { word: state, tone: state, title: `${state} since ${at}` };
}

function claimOf({ kind, data, at }: HubEvent): Omit<Turn, "atMs"> | null {
  if (kind !== "platform.claimed") return null;
  const { state } = Object(data) as { readonly state?: unknown };
  if (typeof state !== "string") return null;
  return { word: state, tone: "claim", title: `the platform says ${state} since ${at}` };
}

function linkOf({ kind, data, at, text }: HubEvent): Omit<Turn, "atMs"> | null {
  if (kind === "driver.detached") return { word: null, tone: "link", title: text };
  if (kind !== "driver.attached") return null;
  const { epoch } = Object(data) as { readonly epoch?: unknown };
  const word = typeof epoch === "number" ? `epoch ${epoch}` : "linked";
  return { word, tone: "link", title: `a driver is linked since ${at}` };
}

function deedOf({ kind, at, text }: HubEvent): readonly Turn[] {
  const word = DEEDS[kind];
  return word === undefined
    ? []
    : [{ atMs: Date.parse(at), word, tone: "deed", title: `${at}  ${text}` }];
}

function markOf({ kind, data, at, text }: HubEvent, place: Place): readonly Mark[] {
  if (kind !== "probe.answered") return [];
  const { ok } = Object(data) as { readonly ok?: unknown };
  const title = `${at}  ${text}`;
  return typeof ok === "boolean" ? [{ at: place(Date.parse(at)), ok, title }] : [];
}

/** What began before the picture is cut at its edge. */
function bandsOf(turns: readonly Turn[], place: Place, beginMs: number): readonly Band[] {
  return turns.flatMap(({ atMs, word, tone, title }, index) => {
    const nextMs = turns[index + 1]?.atMs ?? null;
    if (word === null || (nextMs !== null && nextMs <= beginMs && atMs < beginMs)) return [];
    const at = atMs <= beginMs ? 0 : place(atMs);
    const end = nextMs === null ? 100 : place(nextMs);
    if (end <= at) return [];
    return [{ at: rounded(at), width: rounded(end - at), tone, label: word, title }];
  });
}

const rounded = (value: number): number => Math.round(value * 100) / 100;
