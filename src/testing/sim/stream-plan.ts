/** What goes wrong in a world of streams, as data: it can be printed, replayed and shrunk. */
import { seededRandom, type Random } from "../../base/random.ts";

export const STREAM_FAULTS = [
  "hub-killed",
  "client-cut",
  "driver-cut",
  "client-stalled",
  "driver-stalled",
  "client-frozen",
  "driver-frozen",
  "driver-restarted",
  "restored-same",
  "restored-other",
  "twin-same",
  "twin-other",
  "frames-lost",
  "frames-doubled",
] as const;
/** `checkpoint`: the driver comes to rest, is kept as it is, and is back some time later. */
export type StreamFaultKind = (typeof STREAM_FAULTS)[number] | "checkpoint";

export interface StreamFault {
  readonly atMs: number;
  readonly kind: StreamFaultKind;
  /** How long it lasts, or how old the checkpoint is that comes back. */
  readonly forMs: number;
}

export interface ExecPlan {
  readonly atMs: number;
  readonly name: string;
  readonly outBytes: number;
  readonly errBytes: number;
  readonly inBytes: number;
  /** How long a consumer takes for a chunk; 0 is at once. */
  readonly slowMs: number;
  /** When its caller signals it, counted from its start. */
  readonly signalsAtMs: readonly number[];
}

/** Who speaks as the first version did; a hub of that kind passes nothing else on. */
export const OLD_PEERS = ["nobody", "client", "driver", "hub"] as const;
export type OldPeer = (typeof OLD_PEERS)[number];

export interface StreamPlan {
  readonly seed: number;
  readonly latencyMs: number;
  readonly old: OldPeer;
  readonly execs: readonly ExecPlan[];
  readonly faults: readonly StreamFault[];
  /** Faults come until here. */
  readonly troubleMs: number;
  /** Everything must have ended by then. */
  readonly untilMs: number;
}

const TROUBLE_MS = 20_000;
/** A fenced driver stays away for a minute, and a silent peer is found out in 15 s. */
const CALM_MS = 150_000;
const FAULTS_MAX = 16;
const EXECS_MAX = 4;
const SIGNALS_MAX = 20;
/** Chance that a seed knows a given kind of fault at all. */
const KIND_SHARE = 0.35;
/** Chance that a fault is followed at once by another: inside the handshake that it causes. */
const ECHO_SHARE = 0.5;

/** Chance that a seed has planned checkpoints, and how many at most. */
const PLANNED_SHARE = 0.4;
const PLANNED_MAX = 4;

/** Chance that not all are of this version. */
const OLD_SHARE = 0.3;

export function streamPlanFor(seed: number, random: Random): StreamPlan {
  const known = STREAM_FAULTS.filter(() => random.next() < KIND_SHARE);
  const count = known.length === 0 ? 0 : Math.floor(random.next() * (FAULTS_MAX + 1));
  const latencyMs = 0.5 + random.next() ** 2 * 100;
  const faults: StreamFault[] = [];
  const draw = (atMs: number): StreamFault => ({
    atMs: Math.round(atMs),
    kind: known[Math.floor(random.next() * known.length)] ?? "client-cut",
    forMs: Math.round(100 + random.next() ** 2 * 9_000),
  });
  while (faults.length < count) {
    const fault = draw(300 + random.next() * TROUBLE_MS);
    faults.push(fault);
    // Within a few latencies: HELLO, ATTACH, ATTACHED and the first frames after it are under way.
    if (random.next() < ECHO_SHARE) faults.push(draw(fault.atMs + random.next() * latencyMs * 12));
  }
  faults.push(...drawCheckpoints(seed));
  faults.sort((a, b) => a.atMs - b.atMs);
  // What came later is drawn apart, so that a seed keeps the commands and faults that it had.
  const more = seededRandom(`${seed}/more`);
  const bytes = (most: number): number =>
    random.next() < 0.15 ? 0 : Math.floor(random.next() ** 3 * most);
  const execs = Array.from({ length: 1 + Math.floor(random.next() * EXECS_MAX) }, (_, index) => ({
    atMs: Math.round(random.next() ** 2 * 12_000),
    name: `exec-${index}`,
    outBytes: bytes(900_000),
    errBytes: bytes(120_000),
    inBytes: bytes(400_000),
    slowMs: random.next() < 0.4 ? Math.round(random.next() * 60) : 0,
    signalsAtMs: drawSignals(more),
  }));
  const old = more.next() < OLD_SHARE ? pick(OLD_PEERS, more) : "nobody";
  const times = { troubleMs: TROUBLE_MS, untilMs: TROUBLE_MS + CALM_MS };
  return { seed, latencyMs, old, execs, faults, ...times };
}

/** Faults after which a stream may end with a word instead of its last byte. */
export function losesTimeline(kind: StreamFaultKind): boolean {
  return kind === "driver-restarted" || kind.startsWith("restored") || kind.startsWith("twin");
}

function drawCheckpoints(seed: number): StreamFault[] {
  const random = seededRandom(`${seed}/checkpoints`);
  const length = random.next() < PLANNED_SHARE ? 1 + Math.floor(random.next() * PLANNED_MAX) : 0;
  return Array.from({ length }, () => {
    const [atMs, forMs] = [300 + random.next() * TROUBLE_MS, random.next() ** 2 * 12_000];
    return { atMs: Math.round(atMs), kind: "checkpoint", forMs: Math.round(forMs) };
  });
}

function drawSignals(random: Random): number[] {
  const length = Math.floor(random.next() ** 2 * SIGNALS_MAX);
  return Array.from({ length }, () => Math.round(random.next() * TROUBLE_MS));
}

function pick<T>(from: readonly [T, ...T[]], random: Random): T {
  return from[Math.floor(random.next() * from.length)] ?? from[0];
}
