/**
 * What a campaign of enough seeds must have seen. States come from the chart, faults from the
 * registry, troubles from the table of faults; what a simulated world cannot bring about stands
 * here with its reason, and seeing it all the same is a mistake, too.
 */
import { faults, type FaultCode } from "../../base/faults.ts";
import { sessionMachine } from "../../hub/session/machine.ts";
import type { FactKind, Rung } from "../../store/facts.ts";
import { FAULT_KINDS } from "./faults.ts";

/** A campaign of fewer seeds is not blamed for what it did not meet. */
export const SEEDS_TO_SEE_ALL = 5_000;

const NO_CLIENTS = "no clients in these worlds";
const CALLER = "an answer to a request, never the end of an attempt";
const SET_UP = "the hub does not start; a world begins with one that did";
const DRILL = "told by the local platform when somebody breaks it on purpose";
const IMAGES = "simulated sandboxes have no image that could lack something";

/** Codes that no attempt of a simulated session ends with. */
const UNSEEN_CODES: Partial<Record<FaultCode, string>> = {
  ConfigInvalid: SET_UP,
  PortInUse: SET_UP,
  HomeNotWritable: SET_UP,
  HubRunning: SET_UP,
  LocalPlatformFailed: SET_UP,
  HubUnreachable: NO_CLIENTS,
  HubBusy: NO_CLIENTS,
  StoreCorrupt: SET_UP,
  BackupUnusable: SET_UP,
  StoreRefuses: "what stands still for it has no outcome yet",
  IssuerUnavailable: "people log in by it; no session rests on it",
  StoreUnreachable: "the journal asks again, and its sessions stand still with StoreRefuses",
  SessionMoved: "a session that is another hub's has no outcome here",
  PublicUrlMissing: "the hub of a world has an address",
  DriverRuntimeMissing: IMAGES,
  ImageMissing: IMAGES,
  DriverFenced: "told to the driver that lost, not to its session",
  ProtocolBroken: "both ends speak the same version, and no byte is changed on its way",
  LinkLost: NO_CLIENTS,
  CommandNotFound: NO_CLIENTS,
  CommandRefused: NO_CLIENTS,
  RolledBack: "a warning: the session goes on",
  DriverStarved: "a warning: a driver that is late is not gone",
  DriverRestarted: NO_CLIENTS,
  LeaseExpired: NO_CLIENTS,
  DriverLaunchFailed: "the one command that a simulated shell runs wrong is none at all",
  PlatformClockWrong: "a warning: no time of the platform is trusted",
  DeletePending: "a warning: the removal goes on",
  SandboxStopStalled: "a warning: what was stopped is needed no more",
  SandboxUnlisted: "a warning: what was proven counts, and no list",
  ClaimContradicted: "a warning: what was proven counts, and no claim",
  PlatformStateUnknown: "a warning: what was proven counts, and no word",
  ToolboxRefused: "simulated sandboxes have no door that asks for a key",
  UpgradeBlocked: "nothing stands between simulated ends",
  TlsRejected: "nothing stands between simulated ends",
  DnsFailed: "simulated sandboxes know the hub by its address",
  Internal: "a defect of ours: I22 breaks when one is seen",
};

/** What thousands of seeds may miss, and what may be seen all the same. */
const RARE: Readonly<Record<string, string>> = {
  "fault FilesystemMountMissing": "a fresh sandbox replaces it, unless none is to be had",
  "fault SandboxStartStalled": "a start that is given up is SandboxStartFailed by then",
  "fault NudgeQueued": "a nudge is given up for another rung before its queue is a verdict",
  "fault CloneSuspected": "a session whose own driver can be launched is proven with that one",
  "deadline in resuming": "each step of a resume ends before the whole does",
};

const UNSEEN_STATES: Readonly<Record<string, string>> = {
  "nudging.deciding": "left in the step that enters it",
  "creating.sorting": "left in the step that enters it",
  "nudging.climbing": "left in the step that enters it",
  "error.sorting": "left in the step that enters it",
  boot: "left in the step that enters it",
};

/** Facts that no simulated world writes down. */
const UNSEEN_FACTS: Partial<Record<FactKind, string>> = {
  "drill.on": DRILL,
  "drill.off": DRILL,
  "driver.updating": "drivers of worlds have no version, and nobody looks after updates there",
};

const FACTS: readonly FactKind[] = [
  "session.created",
  "intent.changed",
  "sandbox.requested",
  "sandbox.created",
  "platform.claimed",
  "driver.launched",
  "epoch.issued",
  "driver.attached",
  "driver.detached",
  "probe.answered",
  "nudge.sent",
  "session.entered",
  "session.connected",
  "session.suspended",
  "session.failed",
  "sandbox.discarded",
  "sandbox.restarted",
  "sandbox.deleted",
  "sandbox.refused",
  "sandbox.quarantined",
  "snapshot.activated",
  "start.fellBack",
  "control.asked",
  "clone.suspected",
  "driver.rolledBack",
  "driver.quiesced",
  "store.refused",
  "attempt.ended",
  "session.ended",
];

const RUNGS: readonly Rung[] = ["recheck", "nudge", "relaunch", "restart", "replace"];

const STORIES = [
  "connected",
  "connected again",
  "asked, nudged, and connected",
  "a hub that died between a create and its answer",
  "a copy was reaped",
  "a session stood still",
  "a driver of a copy was told apart",
  "deadline in creating",
  "deadline in resuming",
  "deadline in nudging",
  "deadline in suspended",
] as const;

/** Everything that such a campaign must reach, by the name that the watcher gives it. */
export function expectedSometimes(): readonly string[] {
  return [
    ...leaves().flatMap((leaf) => (leaf in UNSEEN_STATES ? [] : [`state ${leaf}`])),
    ...Object.keys(faults).flatMap((code) =>
      code in UNSEEN_CODES || answerTo(code as FaultCode) !== null ? [] : [`fault ${code}`],
    ),
    ...FACTS.map((kind) => `fact ${kind}`),
    ...RUNGS.map((rung) => `rung ${rung}`),
    ...FAULT_KINDS.map((kind) => `struck ${kind}`),
    ...STORIES,
  ].filter((name) => !(name in RARE));
}

/** Why a world never shows it, for each thing that it never shows. */
export function unseenReasons(): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  for (const [code, why] of Object.entries(UNSEEN_CODES)) reasons.set(`fault ${code}`, why);
  for (const [kind, why] of Object.entries(UNSEEN_FACTS)) reasons.set(`fact ${kind}`, why);
  for (const [leaf, why] of Object.entries(UNSEEN_STATES)) reasons.set(`state ${leaf}`, why);
  for (const code of Object.keys(faults)) {
    const why = answerTo(code as FaultCode);
    if (why !== null) reasons.set(`fault ${code}`, why);
  }
  return reasons;
}

/** What is missing, or there against its reason; empty when a campaign was as wide as it must. */
export function gapsOf(sometimes: Readonly<Record<string, number>>): readonly string[] {
  const missing = expectedSometimes().filter((name) => !(name in sometimes));
  const odd = [...unseenReasons()].filter(([name]) => name in sometimes);
  return [
    ...missing.map((name) => `never seen: ${name}`),
    ...odd.map(([name, why]) => `seen although it cannot be (${why}): ${name}`),
  ];
}

/** Why no session ever ends with it: it is told to whoever asked for something. */
function answerTo(code: FaultCode): string | null {
  const { category } = faults[code];
  if (category === "caller") return CALLER;
  return category === "task" ? NO_CLIENTS : null;
}

function leaves(): readonly string[] {
  return Object.entries(sessionMachine.states).flatMap(([state, { states }]) => {
    const inner = Object.keys(states);
    return inner.length === 0 ? [state] : inner.map((name) => `${state}.${name}`);
  });
}
