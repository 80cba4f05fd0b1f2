/**
 * What is broken for real, and what must come of it: one row a drill, for the tests of CI, for the
 * drill that is run by hand and for the fault table. A row says how it is broken, by when the hub
 * must have given a coded reason, and which ends are right.
 */
import type { SessionView } from "./hub-kit.ts";
import type { DrillRig, Figures } from "./drill-rig.ts";

export interface Scenario {
  readonly name: string;
  /** Rows of the fault table that it covers. */
  readonly rows: readonly number[];
  /** Breaks the session; answers with when it was broken, wall ms. */
  readonly breakIt: (rig: DrillRig, session: SessionView) => Promise<number>;
  /** The drill is watched until then. */
  readonly until: (session: SessionView, figures: Figures, elapsedS: number) => boolean;
  /** Codes that the first reason may have; none where nothing may be concluded. */
  readonly reasons: readonly string[];
  readonly reasonSMax: number;
  readonly lostSMax?: number;
  /** `connected`, or the code with which it may end; null where it must stay as it is. */
  readonly verdicts: readonly (string | null)[];
  readonly verdictSMax: number;
  /** A freeze that ends by itself: the driver must dial this soon after it. */
  readonly redialSMax?: number;
  /** Must be in the same sandbox afterwards. */
  readonly staysInPlace: boolean;
  /** Run in every CI; the others by hand. */
  readonly isQuick: boolean;
}

/** The patrol's pace of the rig: what nothing but a patrol can see is seen within it. */
export const patrolMs = 3_000;
const patrolS = patrolMs / 1000;
/** A patrol has jitter, and its probe may wait for its own deadline. */
const seenByPatrolS = patrolS * 1.2 + 5.5;

const on =
  (fault: string, more: object = {}) =>
  (rig: DrillRig, { sandboxId }: SessionView): Promise<number> =>
    rig.on(fault, { sandbox: sandboxId, ...more });

/** Pause, break what is frozen, resume: the clock starts when the resume was asked for. */
const brokenWhilePaused =
  (...faults: readonly string[]) =>
  async (rig: DrillRig, session: SessionView): Promise<number> => {
    await rig.hub.ask("POST", `/sessions/${session.id}/pause?wait=30`);
    for (const fault of faults) await rig.on(fault, { sandbox: session.sandboxId });
    const beganAt = Date.now();
    await rig.hub.ask("POST", `/sessions/${session.id}/resume`);
    return beganAt;
  };

/** Kills each driver that comes to be connected, so many times or until none comes any more. */
async function killAgain(rig: DrillRig, session: SessionView, times: number): Promise<void> {
  let { epoch } = session;
  for (let kill = 0; kill < times; kill++) {
    const again = await rig.hub.until(
      session.id,
      (now) => now.state === "error" || (now.state === "connected" && now.epoch > epoch),
    );
    if (again.state === "error") return;
    ({ epoch } = again);
    await on("driver-killed")(rig, again);
  }
}

const decided = (_session: SessionView, { verdict }: Figures): boolean => verdict !== null;
const degraded = ({ detail }: SessionView): boolean => detail === "connected.degraded";
const healed = ({ state, epoch }: SessionView, { lostS, verdict }: Figures): boolean =>
  (lostS !== null && state === "connected" && epoch > 1) ||
  (verdict !== null && verdict !== "connected");

/** Three patrols: long enough to see that nothing comes of it. */
const calm = (_session: SessionView, _figures: Figures, elapsedS: number): boolean =>
  elapsedS > 3.5 * patrolS;

const base = {
  until: decided,
  reasonSMax: seenByPatrolS,
  verdictSMax: 30,
  staysInPlace: true,
  isQuick: true,
};
const linkLost = { ...base, until: healed, reasons: ["DriverAbsent"], verdicts: ["connected"] };
const byPatrol = { ...base, until: degraded, verdicts: [null] };

export const scenarios: readonly Scenario[] = [
  {
    ...base,
    name: "resume: root gone, toolbox frozen, driver alive (#1350)",
    rows: [1, 7],
    breakIt: brokenWhilePaused("root-unmounted", "toolbox-stopped"),
    reasons: ["ExecQueued", "ExecBroken", "FilesystemMountMissing", "ResumeBroken", "NudgeQueued"],
    reasonSMax: 5,
    verdicts: ["connected", "ResumeBroken", "ExecBroken", "FilesystemMountMissing", "ExecQueued"],
    verdictSMax: 180,
    staysInPlace: false,
  },
  {
    ...base,
    name: "resume: root gone, toolbox and driver frozen (#1350)",
    rows: [1, 2, 3],
    breakIt: brokenWhilePaused("root-unmounted", "toolbox-stopped", "driver-stopped"),
    reasons: ["ExecQueued", "ExecBroken", "FilesystemMountMissing", "ResumeBroken", "NudgeQueued"],
    reasonSMax: 5.5,
    verdicts: ["connected", "ResumeBroken", "ExecBroken", "FilesystemMountMissing", "ExecQueued"],
    verdictSMax: 180,
    staysInPlace: false,
    isQuick: false,
  },
  {
    ...linkLost,
    name: "driver stopped (SIGSTOP)",
    rows: [43, 44],
    breakIt: on("driver-stopped"),
    reasons: ["DriverDeaf"],
    reasonSMax: 6,
    lostSMax: 6.5,
  },
  {
    ...linkLost,
    name: "driver killed (SIGKILL)",
    rows: [41, 53],
    breakIt: on("driver-killed"),
    reasonSMax: 1,
    lostSMax: 1,
    verdictSMax: 15,
  },
  {
    ...linkLost,
    name: "sandbox frozen for 8 s",
    rows: [44, 45],
    breakIt: on("frozen", { forMs: 8_000 }),
    redialSMax: 2.5,
    reasons: ["DriverDeaf"],
    reasonSMax: 6,
    lostSMax: 6.5,
  },
  {
    ...linkLost,
    name: "sandbox frozen for 30 s",
    rows: [44, 45],
    breakIt: on("frozen", { forMs: 30_000 }),
    redialSMax: 2.5,
    until: ({ state, epoch }, _figures, elapsedS) =>
      elapsedS > 30 && state === "connected" && epoch > 1,
    reasons: ["DriverDeaf"],
    reasonSMax: 6,
    lostSMax: 6.5,
    verdicts: ["connected"],
    verdictSMax: 60,
    isQuick: false,
  },
  {
    ...linkLost,
    name: "first process of the sandbox killed",
    rows: [31],
    breakIt: on("killed"),
    reasonSMax: 1,
  },
  {
    ...linkLost,
    name: "the same, and the claim stays started",
    rows: [1, 2],
    breakIt: async (rig, session) => {
      await on("claim-stale", { forMs: 20_000 })(rig, session);
      return on("killed")(rig, session);
    },
    reasonSMax: 1,
    verdicts: ["connected", "SandboxStopped", "ExecBroken", "DriverAbsent", "DriverLaunchFailed"],
    verdictSMax: 90,
    staysInPlace: false,
    isQuick: false,
  },
  {
    ...linkLost,
    name: "stopped behind our back",
    rows: [31],
    breakIt: on("stopped"),
    reasonSMax: 1,
    isQuick: false,
  },
  {
    ...linkLost,
    name: "deleted behind our back",
    rows: [30],
    breakIt: on("deleted"),
    reasonSMax: 1,
    verdicts: ["SandboxGone"],
  },
  {
    ...base,
    name: "disk full",
    rows: [52],
    breakIt: on("disk-full"),
    reasons: ["DiskFull"],
    verdicts: ["DiskFull"],
  },
  {
    ...base,
    name: "home mounted read-only",
    rows: [8],
    breakIt: on("home-readonly"),
    reasons: ["FilesystemReadOnly"],
    verdicts: ["FilesystemReadOnly"],
  },
  {
    ...base,
    name: "no process can be started",
    rows: [54],
    breakIt: on("process-limit"),
    reasons: ["ExecBroken", "ProcessLimit"],
    verdicts: ["ProcessLimit"],
  },
  {
    ...byPatrol,
    name: "root unmounted while connected",
    rows: [7],
    breakIt: on("root-unmounted"),
    reasons: ["ExecBroken", "FilesystemMountMissing"],
  },
  {
    ...byPatrol,
    name: "toolbox daemon killed",
    rows: [1],
    breakIt: on("toolbox-killed"),
    reasons: ["ExecBroken", "FilesystemBroken"],
    isQuick: false,
  },
  {
    ...byPatrol,
    name: "exec queued for ever",
    rows: [3],
    breakIt: on("exec-hang"),
    reasons: ["ExecQueued"],
    isQuick: false,
  },
  {
    ...byPatrol,
    name: "exec answers 0 and runs nothing",
    rows: [4],
    breakIt: on("exec-pretends"),
    reasons: ["ExecBroken"],
    isQuick: false,
  },
  {
    ...byPatrol,
    name: "exec answers 500",
    rows: [1],
    breakIt: on("exec-500"),
    reasons: ["ExecBroken"],
    isQuick: false,
  },
  {
    ...base,
    name: "exec answers 500 once",
    rows: [5],
    breakIt: on("exec-500", { times: 1 }),
    until: ({ detail }, { suspectS }) => suspectS !== null && detail === "connected.healthy",
    reasons: ["ExecBroken"],
    verdicts: [null, "connected"],
    isQuick: false,
  },
  {
    ...byPatrol,
    name: "files answer 404, mount gone",
    rows: [7],
    breakIt: on("files-missing"),
    reasons: ["FilesystemMountMissing"],
    isQuick: false,
  },
  {
    ...byPatrol,
    name: "files hang",
    rows: [9],
    breakIt: on("files-hang"),
    reasons: ["FilesystemBroken"],
    isQuick: false,
  },
  {
    ...byPatrol,
    name: "toolbox takes no key",
    rows: [22],
    breakIt: on("toolbox-401"),
    reasons: ["ToolboxRefused"],
    isQuick: false,
  },
  {
    ...linkLost,
    name: "driver killed, exec queued, and a stop that never finishes",
    rows: [3, 34],
    breakIt: async (rig, session) => {
      await on("stop-stuck")(rig, session);
      await on("exec-hang")(rig, session);
      return on("driver-killed")(rig, session);
    },
    until: decided,
    reasonSMax: 1,
    verdicts: [
      "connected",
      "ExecQueued",
      "DriverAbsent",
      "SandboxStartStalled",
      "DriverLaunchFailed",
    ],
    verdictSMax: 180,
    staysInPlace: false,
    isQuick: false,
  },
  {
    ...base,
    name: "claim flaps, nothing is broken",
    rows: [28],
    breakIt: on("claim-flapping"),
    until: calm,
    // What it claims is noted with its code; it moves nothing.
    reasons: ["SandboxStopped", "ClaimContradicted"],
    verdicts: [null],
    isQuick: false,
  },
  {
    ...base,
    name: "claim is an unknown word",
    rows: [29],
    breakIt: on("claim-unknown"),
    until: calm,
    reasons: ["PlatformStateUnknown"],
    verdicts: [null],
    isQuick: false,
  },
  {
    ...linkLost,
    name: "driver killed whenever it is back, eight times",
    rows: [42],
    breakIt: async (rig, session) => {
      const beganAt = await on("driver-killed")(rig, session);
      void killAgain(rig, session, 7);
      return beganAt;
    },
    until: ({ state, epoch }) => state === "error" || (state === "connected" && epoch > 8),
    reasonSMax: 1,
    verdicts: ["connected", "DriverCrashLoop", "DriverAbsent"],
    verdictSMax: 90,
    staysInPlace: false,
    isQuick: false,
  },
  {
    ...linkLost,
    name: "no way to the hub, and the driver killed",
    rows: [59],
    breakIt: async (rig, session) => {
      await on("hub-unreachable")(rig, session);
      return on("driver-killed")(rig, session);
    },
    reasonSMax: 1,
    verdicts: ["EgressBlocked", "DriverAbsent", "connected"],
    verdictSMax: 75,
    isQuick: false,
  },
];
