/**
 * What goes wrong in a world, as data: a list of moments that can be printed, kept as a file,
 * replayed and shrunk. Swarm testing: each seed picks a subset of kinds, because a world in which
 * everything breaks at once hides what breaks alone.
 */
import type { Random } from "../../base/random.ts";

export const FAULT_KINDS = [
  "hub-killed",
  "hub-frozen",
  "hub-clock-jumped",
  "driver-killed",
  "driver-frozen",
  "driver-doubled",
  "link-cut",
  "link-stalled",
  "sandbox-stopped",
  "sandbox-deleted",
  "sandbox-paused",
  "sandbox-copied",
  "exec-broken",
  "exec-queued",
  "exec-lies",
  "filesystem-missing",
  "filesystem-read-only",
  "filesystem-full",
  "filesystem-hung",
  "inside-no-fork",
  "inside-no-files",
  "api-errors",
  "api-hangs",
  "api-down",
  "api-auth",
  "api-rate",
  "create-stuck",
  "create-fails",
  "create-lost",
  "create-late",
  "asked-pause",
  "asked-resume",
  "asked-retry",
  "asked-remove",
  "asked-create",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly atMs: number;
  readonly kind: FaultKind;
  /** Which session, by birth; ignored by faults of the hub or platform. */
  readonly target: number;
  /** How long it lasts, where it ends by itself. */
  readonly forMs: number;
}

export interface Plan {
  readonly seed: number;
  readonly sessions: number;
  /** Faults come until here; then everything that can be mended is. */
  readonly troubleMs: number;
  /** The world must have settled by then. */
  readonly untilMs: number;
  readonly createMs: number;
  readonly latencyMs: number;
  readonly faults: readonly Fault[];
}

/** A retry must be able to use every deadline once more after the last fault. */
const CALM_MS = 130_000;
const TROUBLE_MS = 110_000;
const FAULTS_MAX = 14;
/** Sessions are wanted one after another from the start on. */
const FIRST_CREATES_MS = 250;
/** Chance that a fault is followed at once by another, and how soon. */
const ECHO_SHARE = 0.4;
const ECHO_MS = 80;
/** Chance that a seed knows a given kind of fault at all. */
const KIND_SHARE = 0.3;

export function planFor(seed: number, random: Random): Plan {
  const known = FAULT_KINDS.filter(() => random.next() < KIND_SHARE);
  const count = known.length === 0 ? 0 : Math.floor(random.next() * (FAULTS_MAX + 1));
  const sessions = 1 + Math.floor(random.next() * 2);
  const kindOf = (): FaultKind => known[Math.floor(random.next() * known.length)] ?? "link-cut";
  const draw = (atMs: number, kind = kindOf()): Fault => ({
    // The platform must be in trouble before it is asked, and sessions ask at once.
    atMs: Math.round(kind.startsWith("create-") ? atMs % FIRST_CREATES_MS : atMs),
    kind,
    target: Math.floor(random.next() * sessions),
    forMs: Math.round(200 + random.next() ** 3 * 30_000),
  });
  const faults: Fault[] = [];
  while (faults.length < count) {
    // Half of all faults hit the first start, where most of the machine is.
    const fault = draw(random.next() < 0.5 ? random.next() * 5_000 : random.next() * TROUBLE_MS);
    faults.push(fault);
    // A second blow while the first is being answered is where the races are.
    if (random.next() < ECHO_SHARE) faults.push(draw(fault.atMs + random.next() * ECHO_MS));
  }
  faults.sort((a, b) => a.atMs - b.atMs);
  return {
    seed,
    sessions,
    troubleMs: TROUBLE_MS,
    untilMs: TROUBLE_MS + CALM_MS,
    createMs: 50 + random.next() ** 2 * 4_000,
    latencyMs: 0.2 + random.next() ** 2 * 80,
    faults,
  };
}
