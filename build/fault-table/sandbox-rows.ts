/** What can go wrong with a driver or a sandbox, what covers it, and what comes of it. */
import { sim, test, type FaultRow } from "./row.ts";

const budgets = "hub/session-budgets.test.ts";
const switchboard = "hub/switchboard.test.ts";
const ways = "e2e/driver-ways.test.ts";
const wayOut = "probes/egress.test.ts";
const scripts = "hub/nudge-scripts.test.ts";

/** Driver and sandbox. */
export const sandboxRows: readonly FaultRow[] = [
  {
    number: 41,
    fault: "the driver crashes",
    covers: [sim("driver-killed"), test("e2e/hub.test.ts", "[SM9] kill -9 of the driver")],
    action: "launched again in the same sandbox, in a higher epoch",
  },
  {
    number: 42,
    fault: "crash loop",
    covers: [
      sim("driver-crashes"),
      test(budgets, "[SM9] a dead driver is launched again at once, at most twice"),
    ],
    action: "two relaunches an attempt, then an error",
  },
  {
    number: 43,
    fault: "the driver's event loop is blocked",
    covers: [sim("driver-starved"), sim("driver-deaf")],
    action: "suspected after 3 s of silence, given up after 6 s, launched again",
  },
  {
    number: 44,
    fault: "stopped or frozen",
    covers: [sim("driver-frozen")],
    action: "the driver sees the gap in its clock and dials by itself",
  },
  {
    number: 45,
    fault: "checkpoint and restore with a stale socket",
    covers: [
      sim("driver-restored"),
      test("stream/heartbeat.test.ts", "wall time that jumps alone is a jump"),
    ],
    action: "dials again after the gap; the nudge is the second path",
    gap: "a real CRIU restore is not made here",
  },
  {
    number: 46,
    fault: "restored twice: clones",
    covers: [
      sim("sandbox-copied"),
      sim("sandbox-forked"),
      test("hub/copied-sandbox.test.ts", "[SM55] the driver of a copy connects nothing"),
      test(switchboard, "[SB5] each confirmed link has a higher epoch"),
    ],
    action: "the newest epoch stays, and connects only where the platform's way in leads, too",
  },
  {
    number: 47,
    fault: "two drivers of one session",
    covers: [
      sim("driver-doubled"),
      test(switchboard, "[SB5] of two that were welcomed, the older cannot confirm"),
    ],
    action: "higher epoch wins",
  },
  {
    number: 48,
    fault: "a driver of a deleted sandbox dials",
    covers: [test(switchboard, "[SB7] a driver of a session that ended is told 4404")],
    action: "4404, never admitted",
  },
  {
    number: 49,
    fault: "wrong driver version",
    covers: [test(switchboard, "[SB3] a first frame that is no good hello")],
    action: "refused with a code; each launch uploads the hub's own driver",
    gap: "no older driver was run against a newer hub",
  },
  {
    number: 50,
    fault: "driver token expired or exchanged",
    covers: [test(switchboard, "[SB4] a driver's token speaks for its own session only")],
    action: "refused; a relaunch brings a fresh one",
    gap: "driver tokens do not expire",
  },
  {
    number: 51,
    fault: "the sandbox's clock is wrong",
    covers: [
      test("stream/clock-watch.test.ts", "wall time that moves alone is noticed"),
      sim("hub-clock-jumped"),
    ],
    action: "no time of a driver is trusted",
  },
  {
    number: 52,
    fault: "the sandbox's disk is full",
    covers: [sim("filesystem-full")],
    action: "`DiskFull`; nothing is replaced",
  },
  {
    number: 53,
    fault: "out of memory kills the driver",
    covers: [test("e2e/hub-memory.test.ts", "many programs that together take all memory")],
    action: "the program dies first, by its higher score; a driver that is hit is launched again",
    gap: "that it was for want of memory is told by the platform's record only",
  },
  {
    number: 54,
    fault: "no process can be started",
    covers: [sim("inside-no-fork")],
    action: "`ProcessLimit`",
  },
  {
    number: 55,
    fault: "a terminal's process is lost, zombies",
    covers: [
      test("e2e/driver-services.test.ts", "signals reach the group"),
      test(scripts, "[SM21] a zombie, a missing process"),
    ],
    action: "the stream ends with the exit that is known",
  },
  {
    number: 56,
    fault: "the driver sends garbage",
    covers: [
      test("hub/wire-fuzz.test.ts", "[SB15] frames of %s"),
      test(switchboard, "[SB10] junk after hello ends that link"),
    ],
    action: "4400; nothing behind it is read",
  },
  {
    number: 57,
    fault: "the driver floods",
    covers: [
      test("stream/channel.test.ts", "more than was granted"),
      test(switchboard, "[SB12] a client that does not read is cut"),
    ],
    action: "beyond its credit a stream is reset; others go on",
  },
  {
    number: 58,
    fault: "the driver pings and answers no request",
    covers: [
      sim("driver-deaf"),
      test("probes/probes.test.ts", "[PR11] a driver that is silent, absent or talks nonsense"),
    ],
    action: "`DriverDeaf`; it is not routed to",
  },
  {
    number: 59,
    fault: "no way out of the sandbox",
    covers: [sim("egress-blocked")],
    action: "a coded error after the relaunches",
  },
  {
    number: 60,
    fault: "no name resolution in the sandbox",
    covers: [test(ways, "a name that does not resolve"), test(wayOut, "[PR13] says %s")],
    action: "`DnsFailed`, no rung",
  },
  {
    number: 61,
    fault: "a proxy breaks the WebSocket upgrade",
    covers: [
      test(ways, "a proxy that answers the upgrade"),
      test(ways, "a proxy that hangs up"),
      test(ways, "the next address is dialled"),
      test(wayOut, "[SM42] is told of %s"),
    ],
    action: "the driver takes its next address, if it has one; else `UpgradeBlocked`, no rung",
    gap: "no driver falls back from WebSocket to another protocol",
  },
  {
    number: 62,
    fault: "TLS is intercepted",
    covers: [test(ways, "a certificate that nobody trusts"), test(wayOut, "[SM42] is told of %s")],
    action: "refused, always; `TlsRejected`, no rung",
  },
  {
    number: 63,
    fault: "a nudge meets a reused pid",
    covers: [test(scripts, "[SM21] leaves a process alone that was given the pid later")],
    action: "not signalled",
  },
  {
    number: 64,
    fault: "a nudge before the driver listens for it",
    covers: [
      test("e2e/driver-link.test.ts", "takes a storm of SIGUSR1"),
      test(scripts, "[SM21] a zombie, a missing process and a missing or odd ready file"),
    ],
    action: "not signalled; no inspector ever listens",
  },
];
