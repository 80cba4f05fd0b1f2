/**
 * `node bench/terminal-survival.ts [LINES]`: `seq 1 20000000` in `holdfast sh` on a real pty, while
 * ten hubs are killed and one is frozen, fifty lines are cut, the driver is frozen and the sandbox
 * paused. Prints the
 * figures as JSON; ends with 1 when a byte differs, the command ran twice or a fault did not come.
 */
import { loadavg } from "node:os";
import { BreakageRig, type Fault } from "../test/e2e/breakage-kit.ts";
import { CapturedTerminal, seqOutput } from "../test/e2e/captured-terminal.ts";
import { until } from "../test/support/until.ts";

const LINES = 20_000_000;
const CUTS = 50;
const EXIT_CODE = 7;
const KILLS: readonly Fault[] = Array<Fault>(5).fill("hubKill");
const FAULTS: readonly Fault[] = [...KILLS, "freeze", "hubFreeze", "pause", ...KILLS];

const lines = Number(process.argv[2] ?? LINES);
const expected = seqOutput(lines);
const rig = await BreakageRig.open("terminal");
const terminal = new CapturedTerminal("demo", rig.env());
try {
  await until(() => terminal.text.length > 0);
  const beganAtMs = performance.now();
  terminal.typeMarked(`echo run >> runs; seq 1 ${lines}`, EXIT_CODE);
  const { result: shown, struck } = await rig.whileBreaking(
    { faults: FAULTS, cuts: CUTS, bytes: expected.bytes },
    terminal.end(),
    () => terminal.bytes,
  );
  const tookS = Number(((performance.now() - beganAtMs) / 1_000).toFixed(1));
  const runs = (await rig.inside("cat ~/runs")).split("\n").length;
  const equal = shown.sha256 === expected.sha256 && shown.bytes === expected.bytes;
  const figures = {
    lines,
    tookS,
    load: Number((loadavg()[0] ?? 0).toFixed(1)),
    hubsKilled: FAULTS.filter((fault) => fault === "hubKill").length,
    hubsFrozen: 1,
    driverFrozen: 1,
    sandboxPaused: 1,
    faultsMissing: struck.faultsMissing,
    linesCut: struck.cuts,
    bytes: { expected: expected.bytes, shown: shown.bytes },
    sha256: { expected: expected.sha256, shown: shown.sha256 },
    equal,
    marks: shown.marks,
    runs,
    exitCode: shown.exitCode,
    stderr: shown.stderr,
  };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  const once = runs === 1 && shown.marks.join() === "1,1" && shown.exitCode === EXIT_CODE;
  const broken = struck.faultsMissing === 0 && struck.cuts >= CUTS;
  process.exitCode = equal && once && broken && shown.stderr === "" ? 0 : 1;
} finally {
  terminal.kill();
  await rig.close();
}
