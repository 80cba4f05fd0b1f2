/** What can go wrong at the control plane of a platform, what covers it, and what comes of it. */
import { sim, test, type FaultRow } from "./row.ts";

const sessionFaults = "hub/session-faults.test.ts";
const start = "hub/session-start.test.ts";
const budgets = "hub/session-budgets.test.ts";
const answers = "providers/daytona-answers.test.ts";
const wire = "providers/daytona-wire.test.ts";
const detection = "e2e/fault-detection.test.ts";
const classify = "providers/classify.test.ts";
const platform = "e2e/faults-platform.test.ts";
const switches = "e2e/platform-faults.test.ts";
const janitor = "hub/janitor.test.ts";
const rates = "hub/platform-watch/rate-budget.test.ts";
const breaker = "hub/platform-watch/breaker.test.ts";

/** The platform's control plane. */
export const platformRows: readonly FaultRow[] = [
  {
    number: 1,
    fault: "claims started; exec 500, files 404",
    covers: [test(sessionFaults, "[SM2] LyingPlatform")],
    action:
      "never connected on the claim; with a driver that works `connected.degraded`, else the ladder",
  },
  {
    number: 2,
    fault: "claims started; the driver never dials",
    covers: [test(budgets, "[SM9] a dead driver is launched again at once")],
    action: "nudges, relaunches, one stop and start, then a coded error",
  },
  {
    number: 3,
    fault: "exec is taken and never run",
    covers: [sim("exec-queued"), test(sessionFaults, "[SM9] QueuedExecPlatform")],
    action: "counts as failed after 4.5 s; nudges never pile up",
  },
  {
    number: 4,
    fault: "exec answers 0 and ran nothing",
    covers: [sim("exec-lies")],
    action: "a nonce that does not come back is a failed probe",
  },
  {
    number: 5,
    fault: "exec 500 once, then fine",
    covers: [test(budgets, "[SM18] one failed round does not end")],
    action: "re-checked after 0.5 and 1.5 s; stays connected",
  },
  {
    number: 6,
    fault: "exec runs minutes late",
    covers: [
      sim("exec-late"),
      test(switches, "exec: fails, pretends, or runs late"),
      test("probes/probes.test.ts", "[PR6] what comes after it was given up"),
    ],
    action: "a late answer belongs to nobody",
  },
  {
    number: 7,
    fault: "files 404, the mount is missing",
    covers: [sim("filesystem-missing")],
    action: "`FilesystemMountMissing`; degraded while the driver's own files work",
  },
  {
    number: 8,
    fault: "filesystem is read-only",
    covers: [sim("filesystem-read-only")],
    action: "`FilesystemReadOnly`; nothing is replaced",
  },
  {
    number: 9,
    fault: "filesystem hangs",
    covers: [sim("filesystem-hung"), test("probes/probes.test.ts", "[PR2] hangs are named")],
    action: "given up after 4.5 s with the step that hung",
    gap: "a mount that hangs in the kernel is not made here; the platform's answer hangs instead",
  },
  {
    number: 10,
    fault: "stuck in creating",
    covers: [
      sim("create-stuck"),
      test(platform, "create-stuck"),
      test(start, "[SM53] is given up after the stall time"),
    ],
    action: "`SandboxStartStalled` within the deadline; what was stuck is deleted when it can be",
  },
  {
    number: 11,
    fault: "error during create, with a reason",
    covers: [
      sim("create-fails"),
      test(platform, "%s, %i times: the session is %s"),
      test(start, "[SM51] is tried again on a fresh name"),
    ],
    action: "the reason is kept; tried again by its class",
  },
  {
    number: 12,
    fault: "create took effect, its answer is lost",
    covers: [
      sim("api-lost"),
      sim("create-lost"),
      test(platform, "api-drop-answer"),
      test(sessionFaults, "[SM10] LostAnswerPlatform: the sandbox is found"),
    ],
    action: "found by its name and adopted, never made twice",
  },
  {
    number: 13,
    fault: "create answers after its deadline",
    covers: [sim("create-late"), test(start, "[SM51] that ends a start leaves its name")],
    action: "the late sandbox is deleted",
  },
  {
    number: 14,
    fault: "create answers with a foreign sandbox",
    covers: [
      test("hub/session-leftovers.test.ts", "[SM54] with another session's sandbox is refused"),
    ],
    action: "refused; the other one is left alone",
  },
  {
    number: 15,
    fault: "create answers 200 with junk",
    covers: [sim("api-junk"), test(answers, "[PV16] answered with a page of a proxy")],
    action: "no claim; looked up by name",
  },
  {
    number: 16,
    fault: "snapshot is inactive",
    covers: [
      test(start, "[SM50] is activated, waited for"),
      test("e2e/platform-contract.test.ts", "an inactive snapshot refuses"),
    ],
    action: "activated and tried again, else the image, visibly",
  },
  {
    number: 17,
    fault: "snapshot does not exist",
    covers: [test(start, "[SM50] is not asked to become active")],
    action: "the image, visibly, else `SnapshotMissing`",
  },
  {
    number: 18,
    fault: "image cannot be built or pulled",
    covers: [
      sim("create-image-broken"),
      test(platform, "%s, %i times: the session is %s"),
      test(start, "[SM52] by its build says so"),
    ],
    action: "`ImageBuildFailed` with the end of the build's log",
  },
  {
    number: 19,
    fault: "quota is used up",
    covers: [sim("quota-reached"), test(platform, "%s, %i times: the session is %s")],
    action: "`PlatformQuota`, at once, no rung",
  },
  {
    number: 20,
    fault: "429 with a time",
    covers: [
      test(rates, "[GU6] 429 with a time"),
      test(switches, "%s answers %i, says that it is a drill"),
    ],
    action: "the time is kept by all sessions, five minutes at most",
  },
  {
    number: 21,
    fault: "429 without a time",
    covers: [
      sim("api-rate"),
      test(rates, "[GU6] 429 without a time"),
      test(platform, "%s: a new session"),
    ],
    action: "the pace is halved and grows back",
  },
  {
    number: 22,
    fault: "the key is refused",
    covers: [
      sim("api-auth"),
      test(platform, "%s: a new session"),
      test(sessionFaults, "[SM8] AuthRejectingPlatform"),
      test(breaker, "[GU4] a key that is refused twice opens it"),
    ],
    action: "one call, then a coded error; sessions that are alive stay",
  },
  {
    number: 23,
    fault: "the key is exchanged under load",
    covers: [
      test(wire, "[PV14] the call that meets the refusal"),
      test(breaker, "[GU4] a key that works again closes it"),
    ],
    action: "read anew from its file; one call closes the breaker",
  },
  {
    number: 24,
    fault: "5xx burst, outage",
    covers: [
      sim("api-errors"),
      sim("api-down"),
      test(platform, "%s: a new session"),
      test(breaker, "[GU1] opens within 10 s of a 5xx burst"),
    ],
    action: "breaker for the whole hub; connected sessions stay, nothing is restarted",
  },
  {
    number: 25,
    fault: "the API takes calls and never answers",
    covers: [
      sim("api-hangs"),
      test(platform, "api-hang: health is answered at once"),
      test(wire, "[PV5] a platform that never answers"),
    ],
    action: "every call ends by our own deadline; health answers from memory",
  },
  {
    number: 26,
    fault: "the API is slow",
    covers: [sim("api-slow")],
    action: "deadlines hold; nothing else is done",
    gap: "no budget grows with the latency that is seen",
  },
  {
    number: 27,
    fault: "the API answers for another organisation",
    covers: [
      test(answers, "[PV16] of another organisation is discarded"),
      test(answers, "[PV16] answered for another sandbox"),
    ],
    action: "discarded as no claim",
  },
  {
    number: 28,
    fault: "the claim flaps between started and stopped",
    covers: [sim("sandbox-flaps")],
    action: "a claim moves nothing while the evidence is good",
  },
  {
    number: 29,
    fault: "a state that nobody knows",
    covers: [sim("sandbox-odd"), test(classify, "[PV4] a state that is not known")],
    action: "counts as unknown, never as good",
  },
  {
    number: 30,
    fault: "deleted behind our back",
    covers: [sim("sandbox-deleted"), test(sessionFaults, "[SM11] GonePlatform")],
    action: "`SandboxGone`, no rung",
  },
  {
    number: 31,
    fault: "stopped behind our back",
    covers: [sim("sandbox-stopped")],
    action: "started again and proven",
  },
  {
    number: 32,
    fault: "archived",
    covers: [
      test("e2e/hub-archived.test.ts", "[SM63] is started by the hub"),
      test("hub/session-wakes.test.ts", "[SM63] out of an archive takes its time"),
      test("hub/session-wakes.test.ts", "[SM63] out of an archive that outlasts its attempt"),
    ],
    action:
      "counts as stopped: it is started, and health says how far the platform is; what outlasts " +
      "the deadline is an error, and gone on with once it is there",
  },
  {
    number: 33,
    fault: "auto-stop does not see the driver's socket",
    covers: [
      test(wire, "[PV6] asks with the key and without counting as activity"),
      test("e2e/detection-rows.ts", "auto-stopped"),
    ],
    action: "sandboxes are created without auto-stop, and probes count as no activity",
  },
  {
    number: 34,
    fault: "a stop never finishes",
    covers: [],
    action: "the attempt ends by its deadline",
  },
  {
    number: 35,
    fault: "a delete fails, or says ok and the sandbox stays",
    covers: [
      sim("delete-ignored"),
      sim("delete-conflict"),
      test(platform, "%s: the removal goes on"),
      test(janitor, "[JA8] a delete that succeeds and changes nothing"),
    ],
    action: "repeated until it is gone; told after an hour",
  },
  {
    number: 36,
    fault: "listings lag",
    covers: [sim("list-lags"), test(janitor, "[JA4] what nobody gave up is left alone")],
    action: "the janitor leaves young ids alone",
  },
  {
    number: 37,
    fault: "pages of a listing skip or double",
    covers: [
      sim("list-skips"),
      sim("list-doubles"),
      test(janitor, "[JA2] what a session gave up is deleted after two looks"),
    ],
    action: "two looks that agree come before a delete",
  },
  {
    number: 38,
    fault: "the SDK throws what is no error",
    covers: [test(classify, "[PV1] what the SDK throws is read by its shape")],
    action: "read by its shape at one door",
    gap: "an SDK that ends the process is not held apart",
  },
  {
    number: 39,
    fault: "a preview link or token expired",
    covers: [test(detection, "preview-token-rotated")],
    action: "the platform answers with its login page; the hub's own previews do not ask it",
  },
  {
    number: 40,
    fault: "the platform moves a sandbox",
    covers: [sim("sandbox-paused"), test("e2e/detection-rows.ts", "toolbox-moved")],
    action: "the driver dials again; the ladder waits for its nudges first",
    gap: "the proxy's answers after a move are made here, the move itself is not",
  },
];
