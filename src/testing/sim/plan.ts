/**
 * The faults of a seed. Swarm testing: each seed knows a subset of the kinds, because a world in
 * which everything breaks at once hides what breaks alone.
 */
import type { Random } from "../../base/random.ts";
import { FAULT_KINDS, type Fault, type FaultKind, type Plan } from "./faults.ts";

/** A retry must be able to use every deadline once more after the last fault. */
const CALM_MS = 130_000;
const TROUBLE_MS = 110_000;
const FAULTS_MAX = 14;
/** Sessions are wanted one after another from the start on. */
const FIRST_CREATES_MS = 250;
/** Chance that a fault is followed at once by another, and how soon. */
const ECHO_SHARE = 0.4;
const ECHO_MS = 80;
/** Bounds of the chance that a seed knows a given kind of fault at all. */
const KIND_SHARE_MIN = 0.05;
const KIND_SHARE_MAX = 0.35;
/** A create meets only what is there when it is asked for. */
const EARLY = /^(create|quota|snapshot|activation)-/;

/** Chance that facts are kept a while after they are applied, and how long a commit takes then. */
const LATE_SHARE = 0.15;
const LATE_MS_MAX = 300;

/** Chance that a seed plays one of the scenes, too. */
const SCENE_SHARE = 0.3;
/** What a scene is about lasts at least this long: a trouble that is over breaks nothing. */
const SCENE_MS_MIN = 4_000;

/** Blows that are hard only in a row: each kind, and how long after the one before it may come. */
const SCENES: readonly (readonly (readonly [FaultKind, number])[])[] = [
  // A pause that was not done, and a hub that dies before it knows.
  [
    ["api-hangs", 0],
    ["asked-pause", 100],
    ["hub-killed", 3_000],
  ],
  // A wake whose answer gets lost.
  [
    ["asked-pause", 0],
    ["api-lost", 1_500],
    ["asked-resume", 50],
  ],
  // Proven again while its answers are late.
  [
    ["driver-starved", 0],
    ["link-cut", 50],
  ],
  [
    ["asked-remove", 0],
    ["hub-killed", 60],
  ],
  // It comes back dead: what a pause and a resume did to it.
  [
    ["asked-pause", 0],
    ["exec-broken", 3_000],
    ["asked-resume", 300],
  ],
  [
    ["asked-pause", 0],
    ["driver-deaf", 3_000],
    ["asked-resume", 300],
  ],
  // No driver, and the platform's way in fails: what destructive rungs are for.
  [
    ["exec-broken", 0],
    ["driver-killed", 300],
  ],
  [
    ["exec-queued", 0],
    ["driver-killed", 300],
    ["hub-killed", 12_000],
  ],
  [
    ["filesystem-missing", 0],
    ["exec-broken", 50],
    ["driver-killed", 300],
    ["hub-killed", 20_000],
  ],
  [
    ["api-hollow", 0],
    ["driver-killed", 300],
  ],
  [
    ["driver-killed", 0],
    ["hub-killed", 4_000],
  ],
  [
    ["driver-doubled", 0],
    ["link-lost-to-hub", 2_000],
  ],
  // A clock that is set, and a stop that then looks like one of a sandbox that nobody used.
  [
    ["hub-clock-jumped", 0],
    ["sandbox-stopped", 500],
  ],
  [
    ["hub-clock-jumped", 0],
    ["hub-killed", 200],
    ["sandbox-stopped", 100],
  ],
  [
    ["store-refuses", 0],
    ["driver-killed", 100],
    ["exec-broken", 2_000],
  ],
  [
    ["asked-pause", 0],
    ["store-refuses", 200],
    ["link-cut", 500],
  ],
  // A copy that runs, and a first driver that is not there to defend its place.
  [
    ["sandbox-forked", 0],
    ["driver-killed", 50],
  ],
  [
    ["sandbox-forked", 0],
    ["driver-frozen", 50],
    ["hub-killed", 4_000],
  ],
  [
    ["sandbox-deleted", 0],
    ["asked-retry", 9_000],
  ],
];

export function planFor(seed: number, random: Random): Plan {
  const share = KIND_SHARE_MIN + (KIND_SHARE_MAX - KIND_SHARE_MIN) * random.next();
  const known = FAULT_KINDS.filter(() => random.next() < share);
  const count = known.length === 0 ? 0 : Math.floor(random.next() * (FAULTS_MAX + 1));
  const sessions = 1 + Math.floor(random.next() * 2);
  const kindOf = (): FaultKind => known[Math.floor(random.next() * known.length)] ?? "link-cut";
  const draw = (atMs: number, kind = kindOf()): Fault => ({
    // The platform must be in trouble before it is asked, and sessions ask at once.
    atMs: Math.round(EARLY.test(kind) ? atMs % FIRST_CREATES_MS : atMs),
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
  if (random.next() < SCENE_SHARE) {
    const target = Math.floor(random.next() * sessions);
    let atMs = random.next() * TROUBLE_MS * 0.7;
    for (const [kind, withinMs] of SCENES[Math.floor(random.next() * SCENES.length)] ?? []) {
      atMs += random.next() * withinMs;
      const fault = draw(atMs, kind);
      faults.push({ ...fault, target, forMs: Math.max(SCENE_MS_MIN, fault.forMs) });
    }
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
    // Drawn last, so that every world of before is the same in all else.
    storeLateMs: random.next() < LATE_SHARE ? 1 + random.next() ** 2 * LATE_MS_MAX : 0,
  };
}
