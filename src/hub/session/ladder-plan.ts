/**
 * The ladder's law, pure: from what is known of a session to the next step, and to the plan that a
 * dry run shows. The machine's guards ask `nextStep`, the plan walks the same advice, so that what
 * is shown and what is done cannot differ.
 *
 * Order: nudge, relaunch, restart, replace. The last two are destructive: they need both ways into
 * the sandbox to have failed, or the platform's definite word, and a control sandbox's answer.
 */
import { isWayOutFault } from "../../probes/egress-probe.ts";
import { faults, type FaultCode } from "../../base/faults.ts";
import type { ClaimState } from "../../providers/provider.ts";
import { noCounts, type LadderCounts, type Quarantined, type Rung } from "../../store/facts.ts";
import type { SessionPolicy } from "./policy.ts";
import { isWayInFault } from "./way-in-faults.ts";
import type { ControlAnswer } from "./work-desk.ts";

/**
 * The driver's own channel: it answers and its probes pass, it is not there, its process has ended,
 * its socket is up and it answers nothing, it says itself that the sandbox is broken (`hurt`), or
 * it was shown to live in another sandbox (`elsewhere`): then nobody knows of this one's own. One
 * that rests because the hub asked it to is away on purpose, and back within seconds (`resting`).
 * Where drivers come back faster than the hub takes them in, each has its turn (`queued`).
 */
export type DriverStanding =
  "answers" | "absent" | "resting" | "queued" | "dead" | "deaf" | "hurt" | "elsewhere";

/**
 * The platform's way in: commands and files work, they fail by a definite answer (`broken`), they
 * are taken and never done (`stuck`), the platform lets nobody look (`silent`), or nobody looked.
 */
export type WayIn = "works" | "broken" | "stuck" | "silent" | "unseen";

export type Flapping = "sandbox" | "driver";

export interface LadderFacts {
  readonly policy: SessionPolicy;
  readonly counts: LadderCounts;
  readonly driver: DriverStanding;
  /** As seen beside the last nudge. */
  readonly look: WayIn;
  /** As seen by the look before a destructive rung. */
  readonly wayIn: WayIn;
  readonly fault: FaultCode | null;
  readonly claim: ClaimState | null;
  /** Null until the control sandbox was asked in this climb. */
  readonly control: ControlAnswer["verdict"] | null;
  /** Why no session climbs above a nudge now: the platform fails many alike. */
  readonly heldBack: string | null;
  /** What comes and goes right now, and what this attempt has waited out already. */
  readonly flapping: Flapping | null;
  readonly held: Flapping | null;
  /** Waits of the last while, over attempts: one restart is tried after the first, not more. */
  readonly holds: number;
  readonly quarantine: readonly Quarantined[];
  /** Since the driver was lost, or the sandbox was last changed by a rung. */
  readonly silentMs: number;
  /** The highest rung of this attempt, and what is left of its own deadline. */
  readonly rung: Rung;
  readonly rungLeftMs: number | null;
  /** Of the whole attempt. */
  readonly leftMs: number;
}

export type LadderRung = Exclude<Rung, "none">;

/** What the machine does next; `give-up` ends in error with what is known. */
export type LadderStep =
  Exclude<LadderRung, "recheck"> | "wake" | "hold" | "wait" | "assess" | "consult" | "give-up";

export interface RungPlan {
  readonly rung: LadderRung;
  /** It ends what the user runs, or leaves the user's files behind. */
  readonly destructive: boolean;
  /** `skip`: it is of no use here. `refuse`: it may not be done. */
  readonly would: "do" | "skip" | "refuse";
  readonly why: string;
  readonly budgetLeft: number;
  readonly deadlineMs: number;
}

type Advice = Pick<RungPlan, "would" | "why">;

/** What stopping, starting or replacing a sandbox does not mend, and why. */
const USELESS: Partial<Record<FaultCode, string>> = {
  EgressBlocked: "the network's policy keeps the sandbox from the hub, and would keep any other",
  UpgradeBlocked: "what answers in the hub's place would answer any other sandbox, too",
  TlsRejected: "any other sandbox would be shown the same certificate",
  DnsFailed: "the sandbox's network does not resolve the hub's name, and no other one's would",
  DiskFull: "it frees no disk, and what fills it is the user's",
  FilesystemReadOnly: "what made it read-only may be there to save it, and work may be inside",
  ProcessLimit: "what takes all processes is the user's to end",
};

/** The one next step; `why` is the sentence that goes into the timeline and into evidence. */
export function nextStep(facts: LadderFacts): { readonly step: LadderStep; readonly why: string } {
  const over = whyOver(facts);
  if (over !== null) return { step: "give-up", why: over };
  if (facts.flapping !== null && facts.held !== facts.flapping) {
    return { step: "hold", why: holdReason(facts) };
  }
  const { counts, policy, fault } = facts;
  const stopped = isStopped(facts) || fault === "SandboxStopped";
  if (stopped && facts.held === null && counts.wakes < policy.wakesMax) {
    return { step: "wake", why: "what is merely stopped is started" };
  }
  for (const rung of ["nudge", "relaunch"] as const) {
    const advice = ADVICE[rung](facts);
    if (advice.would !== "do") continue;
    if (rung === "nudge" || facts.heldBack === null) return { step: rung, why: advice.why };
    return { step: "consult", why: facts.heldBack };
  }
  if (isOnItsWay(facts.driver) && !isGone(facts)) {
    return { step: "wait", why: DRIVER_WORDS[facts.driver] };
  }
  const refused: string[] = [];
  for (const rung of ["restart", "replace"] as const) {
    // What could be done if both ways in had failed is worth a look, and then a question.
    const worth = ADVICE[rung]({ ...facts, wayIn: seenBroken(facts), control: "platform-ok" });
    if (worth.would === "do" && facts.wayIn === "unseen" && !isGone(facts)) {
      return { step: "assess", why: "nothing is ended before both ways in were looked at" };
    }
    // A frozen sandbox and a dead one look alike, and only one of them wakes up by itself.
    if (worth.would === "do" && facts.wayIn === "stuck" && facts.silentMs < policy.silenceMs) {
      const forS = Math.round(facts.silentMs / 1_000);
      return { step: "wait", why: `it says nothing, for ${forS} s now, and may only be frozen` };
    }
    const advised = ADVICE[rung](facts);
    if (advised.would === "do") {
      if (facts.control !== null || isGone(facts)) return { step: rung, why: advised.why };
      return { step: "consult", why: "nothing is ended before a control sandbox was asked" };
    }
    refused.push(`no ${rung}: ${advised.why}`);
  }
  return { step: "give-up", why: refused.join("; ") };
}

/** Each rung as it would be climbed if the ones before it did not help. */
export function planLadder(facts: LadderFacts): readonly RungPlan[] {
  return LADDER.map((rung) => {
    const advice = ADVICE[rung](facts);
    return {
      rung,
      destructive: isDestructive(rung),
      ...advice,
      why: advice.would === "do" ? `${advice.why}${asked(rung, facts)}` : advice.why,
      budgetLeft: budgetLeft(rung, facts),
      deadlineMs: Math.min(rungMs(rung, facts.policy), Math.max(0, facts.leftMs)),
    };
  });
}

/** Nothing is there to be healed: a retry asks for a fresh sandbox, and the rungs come after it. */
export function planWithoutSandbox(facts: LadderFacts): readonly RungPlan[] {
  const why = "there is no sandbox: a retry begins with a fresh one";
  return planLadder(facts).map((rung) => ({ ...rung, would: "skip", why }));
}

export const LADDER: readonly LadderRung[] = ["recheck", "nudge", "relaunch", "restart", "replace"];

/** Whether `rung` is above what was climbed already; a lower one is a step within it. */
export function isHigher(rung: LadderRung, climbed: Rung): boolean {
  return climbed === "none" || LADDER.indexOf(rung) > LADDER.indexOf(climbed);
}

export function isDestructive(rung: Rung): boolean {
  return rung === "restart" || rung === "replace";
}

/** Deadline of a rung; re-checks have no timer of their own but the waits between them. */
export function rungMs(rung: Rung, policy: SessionPolicy): number {
  switch (rung) {
    case "none":
      return 0;
    case "recheck":
      return policy.recheckWaitsMs.reduce((sum, waitMs) => sum + waitMs, 0);
    case "nudge":
      return policy.nudgeMs;
    case "relaunch":
      return policy.relaunchMs;
    case "restart":
      return policy.restartMs;
    case "replace":
      return policy.replaceMs;
  }
}

export function budgetLeft(rung: LadderRung, { policy, counts }: LadderFacts): number {
  const left: Readonly<Record<LadderRung, number>> = {
    recheck: policy.recheckWaitsMs.length - counts.rechecks,
    nudge: policy.nudgeWaitsMs.length - counts.nudges,
    relaunch: policy.relaunchesMax - counts.relaunches,
    restart: policy.restartsMax - counts.restarts,
    replace: policy.replacesMax - counts.replaces,
  };
  return Math.max(0, left[rung]);
}

const ADVICE: Readonly<Record<LadderRung, (facts: LadderFacts) => Advice>> = {
  recheck: (facts) => {
    const over = whyOver(facts);
    if (over !== null) return refuse(over);
    if (facts.driver === "absent" || facts.driver === "dead") {
      return skip("there is no driver to prove");
    }
    return (
      spent("recheck", facts) ?? act("a failed proof is looked at again before it is believed")
    );
  },
  nudge: (facts) => {
    const over = whyOver(facts);
    if (over !== null) return refuse(over);
    if (isGone(facts) || isResting(facts)) return skip("nothing runs in it that could hear it");
    if (facts.counts.relaunches > 0 || facts.counts.restarts > 0) {
      return skip("its driver was launched anew or found dialling since, and dials by itself");
    }
    if (facts.look === "stuck" && facts.counts.nudges > 0) {
      return skip("the way that a nudge goes takes commands and never does them");
    }
    if (NUDGED.includes(facts.driver)) {
      return spent("nudge", facts) ?? act(DRIVER_WORDS[facts.driver]);
    }
    return skip(DRIVER_WORDS[facts.driver]);
  },
  relaunch: (facts) => {
    const over = whyOver(facts);
    if (over !== null) return refuse(over);
    if (isGone(facts) || isResting(facts)) return skip("it is not running");
    if (isWayOutFault(facts.fault)) {
      return skip("another driver would not get out either");
    }
    if (facts.driver === "answers" || isOnItsWay(facts.driver)) {
      return skip(DRIVER_WORDS[facts.driver]);
    }
    const useless = facts.fault === null ? undefined : USELESS[facts.fault];
    if (facts.driver === "hurt" && useless !== undefined) return skip(useless);
    if (facts.look === "stuck" || facts.look === "broken") {
      return skip("a launch goes by the platform's way in, which fails");
    }
    if (facts.held === "driver") return refuse("a driver that ends so often would end again");
    if (facts.counts.relaunches > 0 && isWayInFault(facts.fault)) {
      return skip("the launch itself failed at the platform's way in");
    }
    // Once the control sandbox was asked, and could not tell, the hold stands.
    if (facts.heldBack !== null && facts.control !== null) return refuse(facts.heldBack);
    return spent("relaunch", facts) ?? act(`${DRIVER_WORDS[facts.driver]}: it is launched anew`);
  },
  restart: (facts) => {
    if (facts.held === "sandbox" && facts.holds > 1) {
      return refuse("it was restarted for that a while ago, and is stopped again");
    }
    return destructive("restart", facts);
  },
  replace: (facts) => {
    const { policy, quarantine } = facts;
    if (isGone(facts) && policy.recreatesMax === 0) {
      return refuse("it was deleted elsewhere, and policy says that this is an error");
    }
    if (facts.held === "sandbox" && !isGone(facts)) {
      return refuse("it starts well and is stopped again, and so would be another one");
    }
    const kept = quarantine.length;
    if (!isGone(facts) && kept >= policy.quarantinedMax) {
      return refuse(`${kept} replaced sandboxes are kept already, for what may be unsaved in them`);
    }
    return destructive("replace", facts);
  },
};

/** The positive-evidence rule, for what cannot be taken back. */
function destructive(rung: "restart" | "replace", facts: LadderFacts): Advice {
  const over = whyOver(facts);
  if (over !== null) return refuse(over);
  const { driver, wayIn, control, fault } = facts;
  const useless = fault === null ? undefined : USELESS[fault];
  if (useless !== undefined) return refuse(useless);
  const isSpent = spent(rung, facts);
  if (isSpent !== null) return isSpent;
  if (isGone(facts)) {
    if (rung === "restart") return skip("there is nothing left of it to start");
    return act("the platform says that it is gone, and policy says recreate");
  }
  if (facts.heldBack !== null && control !== null) return refuse(facts.heldBack);
  if (driver === "answers") return refuse("its driver answers, and what it sees is well");
  if (isOnItsWay(driver)) return refuse(DRIVER_WORDS[driver]);
  if (wayIn === "works") {
    return refuse("commands and files work by the platform: one lost channel is no evidence");
  }
  if (wayIn === "silent") return refuse("the platform lets nobody look");
  if (wayIn === "unseen") return refuse("nobody has looked at both ways in yet");
  if (control === "platform-broken") {
    return refuse("a fresh control sandbox fails in the same way: the platform is broken");
  }
  if (control === "unknown" && wayIn !== "broken") {
    return refuse("it is silent, not broken by its own word, and no control sandbox could tell");
  }
  return act(`${DRIVER_WORDS[driver]}, and ${WAY_WORDS[wayIn]}`);
}

/** A signal may bring the sandbox's own driver, and what comes with a ticket wins at once. */
const NUDGED: readonly DriverStanding[] = ["absent", "resting", "deaf", "elsewhere"];

const DRIVER_WORDS: Readonly<Record<DriverStanding, string>> = {
  answers: "its driver answers",
  absent: "no driver is connected",
  resting: "its driver rests as it was asked to, and dials by itself within seconds",
  queued: "drivers come back faster than the hub takes them in, and this one may be among them",
  dead: "its driver's process has ended",
  deaf: "its driver answers nothing",
  hurt: "its driver says that the sandbox is broken",
  elsewhere: "the driver that is connected lives in another sandbox",
};
const WAY_WORDS: Readonly<Record<WayIn, string>> = {
  works: "the platform's way in works",
  broken: "the platform's own way in fails",
  stuck: "the platform takes commands and never does them",
  silent: "the platform is silent",
  unseen: "nobody has looked yet",
};

/** Why no rung at all is climbed: a refusal, a broken platform, or no time. */
function whyOver({ fault, leftMs }: LadderFacts): string | null {
  if (leftMs <= 0) return "the time of the attempt is up";
  if (fault === null) return null;
  const { retry, category } = faults[fault];
  // A conflict at the platform is the caller's fault by its code, and no refusal of this session.
  if (retry === "never" && category !== "caller") return `${fault}: no rung mends it`;
  if (fault === "PlatformBroken") return "the platform is broken, not this session";
  return null;
}

function isGone({ fault }: LadderFacts): boolean {
  return fault === "SandboxGone";
}

/** It dials by itself within seconds. */
function isOnItsWay(driver: DriverStanding): boolean {
  return driver === "resting" || driver === "queued";
}

function isStopped({ claim }: LadderFacts): boolean {
  return claim === "stopped" || claim === "paused" || claim === "archived";
}

function isResting(facts: LadderFacts): boolean {
  return isStopped(facts) || facts.claim === "error";
}

function seenBroken({ wayIn }: LadderFacts): WayIn {
  return wayIn === "unseen" ? "broken" : wayIn;
}

function holdReason({ flapping, policy }: LadderFacts): string {
  const what =
    flapping === "driver" ? "its driver ends again and again" : "it stops again and again";
  return `${what}: it is left alone for ${policy.holdMs / 1_000} s`;
}

function asked(rung: LadderRung, facts: LadderFacts): string {
  if (!isDestructive(rung) || isGone(facts) || facts.control !== null) return "";
  const { silenceMs } = facts.policy;
  const patience = facts.wayIn === "stuck" ? ` once it was silent for ${silenceMs / 1_000} s` : "";
  return `; a control sandbox is asked before${patience}`;
}

function spent(rung: LadderRung, facts: LadderFacts): Advice | null {
  const { rungLeftMs } = facts;
  const late = rungLeftMs !== null && rungLeftMs <= 0 && !isHigher(rung, facts.rung);
  if (late) return skip(`its ${rungMs(rung, facts.policy) / 1_000} s are over`);
  if (budgetLeft(rung, facts) > 0) return null;
  const most = budgetLeft(rung, { ...facts, counts: noCounts });
  return skip(most === 0 ? "policy says never" : `its budget of ${most} is used up`);
}

const act = (why: string): Advice => ({ would: "do", why });
const skip = (why: string): Advice => ({ would: "skip", why });
const refuse = (why: string): Advice => ({ would: "refuse", why });
