/**
 * `node bench/stalled-viewers.ts [VIEWERS [SECONDS]]`: 500 viewers of two flooded terminals stop to
 * read at once, and the memory of the hub is watched. All are real processes. Prints the figures as
 * JSON; ends with 1 when the hub took more than what may wait in it and what it needs itself.
 */
import { loadavg } from "node:os";
import { limits } from "../src/base/limits.ts";
import { RealHub } from "../test/e2e/hub-kit.ts";
import { makeDataDir, startPlatform, stopPlatform } from "../test/e2e/platform-kit.ts";
import { stallViewers } from "../test/e2e/stalled-viewers.ts";

const VIEWERS = 500;
const STALL_S = 20;
/** A driver serves 256 channels. */
const SESSIONS = ["one", "two"];
/** For the connections themselves, and what the collector of garbage leaves for later. */
const ROOM_MIB = 192;

const viewers = Number(process.argv[2] ?? VIEWERS);
const stallMs = Number(process.argv[3] ?? STALL_S) * 1_000;
const platform = await startPlatform(makeDataDir());
const hub = new RealHub(platform);
try {
  await hub.start();
  for (const name of SESSIONS) await hub.ask("POST", "/sessions?wait=60", { name });
  const figures = await stallViewers(hub, SESSIONS, { viewers, stallMs });
  const load = Number((loadavg()[0] ?? 0).toFixed(1));
  process.stdout.write(`${JSON.stringify({ ...figures, load }, null, 2)}\n`);
  const { before, peak } = figures.rssMib;
  const boundMib = limits.HUB_EGRESS_BYTES_MAX / 1024 / 1024 + ROOM_MIB;
  process.exitCode = peak - before <= boundMib && figures.readBytes > 0 ? 0 : 1;
} finally {
  for (const name of SESSIONS) await hub.ask("DELETE", `/sessions/${name}?wait=30`);
  await hub.remove();
  await stopPlatform(platform);
}
