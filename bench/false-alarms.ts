/**
 * `node bench/false-alarms.ts [MINUTES [LOOPS]]`: three connected sessions on a machine whose every
 * core is busy. Nothing is broken, so each suspicion and each lost driver is a false alarm. Ends
 * with 1 when there was one.
 */
import { spawn } from "node:child_process";
import { loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { DrillRig } from "../test/e2e/drill-rig.ts";

const minutes = Number(process.argv[2] ?? 10);
const loops = Number(process.argv[3] ?? 4);
const names = ["calm-1", "calm-2", "calm-3"];

const rig = await DrillRig.open();
const busy = [];
try {
  for (const name of names) await rig.connected(name);
  const beganAt = Date.now();
  for (let loop = 0; loop < loops; loop++) {
    busy.push(spawn(process.execPath, ["-e", "for (;;) ;"], { stdio: "ignore" }));
  }
  const load: number[] = [];
  while (Date.now() - beganAt < minutes * 60_000) {
    await delay(Math.min(30_000, minutes * 60_000));
    load.push(Math.round(loadavg()[0] ?? 0));
  }
  const alarms: string[] = [];
  let probes = 0;
  for (const name of names) {
    for (const { at, kind, detail, text } of await rig.timeline(name)) {
      if (Date.parse(at) < beganAt) continue;
      if (kind === "probe.answered") probes += 1;
      const isAlarm = kind === "driver.detached" || kind === "session.failed";
      if (!isAlarm && (kind !== "session.entered" || detail === "connected.healthy")) continue;
      alarms.push(`${at} ${name} ${kind} ${detail ?? ""}: ${text}`);
    }
  }
  const figures = {
    minutes,
    busyLoops: loops,
    loadEvery30S: load,
    sessions: names.length,
    suspected: alarms.filter((line) => line.includes("connected.suspect:")).length,
    driversLost: alarms.filter((line) => line.includes("driver.detached")).length,
    changedAnswers: probes,
    alarms,
  };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  process.exitCode = alarms.length === 0 ? 0 : 1;
} finally {
  for (const child of busy) child.kill("SIGKILL");
  await rig.close();
}
