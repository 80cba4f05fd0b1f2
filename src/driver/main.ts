/**
 * The process inside a sandbox: dials the hub for ever and serves its clients. This file only
 * joins the parts. Usage: `node driver.cjs CONFIG.json`.
 */
import { setFlagsFromString } from "node:v8";
import { onNudge } from "./first-signal.ts";
import { systemClock } from "../base/clock.ts";
import { systemRandom } from "../base/random.ts";
import { CloseCodes } from "../protocol/close-codes.ts";
import { nativeCrc32 } from "../transport/native-crc32.ts";
import { watchClock } from "../stream/clock-watch.ts";
import { ChannelTable } from "./channel-table.ts";
import { commandEnvironment, readDriverConfig, type DriverConfig } from "./config.ts";
import { readInstance } from "./instance.ts";
import { livesOn } from "./out-of-memory.ts";
import { Jobs } from "./jobs.ts";
import { createLogFile } from "./log-file.ts";
import { createReadyFile } from "./ready-file.ts";
import { createServices } from "./services/open-service.ts";
import { terminalIsBusy } from "./terminal-busy.ts";
import { Uplink } from "./uplink.ts";
import { DRIVER_VERSION } from "./version.ts";

/** The config is unusable: nothing was tried. */
const EXIT_CONFIG = 78;
/** The hub refused this driver for good. */
const EXIT_REFUSED = 3;

function run(config: DriverConfig): void {
  // The young space stays small, so that buffers of sockets are freed early, and the old one has
  // room for those that are not. Not in Bun.
  const heap = "--semi-space-growth-factor=1 --heap-growing-percent=400";
  if (!("bun" in process.versions)) setFlagsFromString(heap);
  livesOn();
  const clock = systemClock;
  const log = createLogFile(config.logFile ?? `${config.readyFile}.log`, () => clock.now());
  const instance = readInstance(clock.now());
  const readyFile = createReadyFile(config.readyFile, log);
  const jobs = new Jobs(clock, terminalIsBusy);
  const openService = createServices({
    clock,
    jobs,
    log,
    env: commandEnvironment(),
    home: config.home,
    ptyModule: config.ptyModule,
    random: systemRandom,
    ledgerFile: `${config.readyFile}.execs`,
  });
  const channels = new ChannelTable({
    clock,
    log,
    openService,
    crc32: nativeCrc32(),
    onAway: (away) => jobs.awayIs(away),
  });
  const leave = (exitCode: number): void => {
    void readyFile
      .remove()
      .then(() => log.flush())
      .finally(() => process.exit(exitCode));
  };
  const uplink = new Uplink({
    config,
    instance,
    clock,
    random: systemRandom,
    log,
    readyFile,
    channels,
    jobs,
    onStopped: (end) => {
      log.error({ code: end.code, reason: end.reason }, "driver ends");
      leave(end.code === CloseCodes.normal.code ? 0 : EXIT_REFUSED);
    },
  });
  onNudge(() => uplink.nudge("nudge"));
  watchClock(clock, (jump) => {
    log.warn({ ...jump }, "this process did not run for a while");
    uplink.nudge("jump");
  });
  process.on("SIGTERM", () =>
    uplink.stop({ code: CloseCodes.normal.code, reason: "asked to end by SIGTERM" }),
  );
  // The shell that launched it may go away; the driver stays.
  process.on("SIGHUP", () => undefined);
  log.info({ version: DRIVER_VERSION, ...instance, session: config.session }, "driver starts");
  uplink.start();
}

let config: DriverConfig | null = null;
try {
  config = readDriverConfig(process.argv[2]);
} catch (error) {
  // Before there is a config there is no log; stderr is what the launching command collects.
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = EXIT_CONFIG;
}
if (config !== null) run(config);
