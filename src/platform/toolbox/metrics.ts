/**
 * GET /system/metrics: what the processes that this daemon can see use, and what there is. Memory
 * and processors are the machine's where nothing limits the sandbox.
 */
import type { SystemMetrics } from "@daytona/toolbox-api-client";
import { readdirSync, readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { json } from "./reply.ts";
import type { Reply } from "./reply.ts";
import type { Route } from "./router.ts";

/** Long enough that a busy processor is seen at 100 ticks a second. */
const SAMPLE_MS = 200;
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

export function metricRoutes(): Route[] {
  return [{ method: "GET", path: "/system/metrics", handler: measure }];
}

async function measure(): Promise<Reply> {
  const before = used();
  const beganMs = performance.now();
  await delay(SAMPLE_MS);
  const now = used();
  const seconds = (performance.now() - beganMs) / 1000;
  const cpuCount = availableParallelism();
  const busy = Math.max(0, now.ticks - before.ticks) / TICKS_PER_SECOND / seconds;
  const disk = await statfs("/");
  const at = new Date();
  return json({
    cpuCount,
    cpuUsedPct: Math.min(100, (100 * busy) / cpuCount),
    memTotal: totalmem(),
    memUsed: now.bytes,
    memCache: 0,
    diskTotal: disk.blocks * disk.bsize,
    diskFree: disk.bavail * disk.bsize,
    diskUsed: (disk.blocks - disk.bfree) * disk.bsize,
    timestamp: at.toISOString(),
    timestampUnix: Math.floor(at.getTime() / 1000),
  } satisfies SystemMetrics);
}

function used(): { ticks: number; bytes: number } {
  let ticks = 0;
  let bytes = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const text = readFileSync(`/proc/${name}/stat`, "utf8");
      const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
      // utime, stime and rss, counted from the state, which is the first field here.
      ticks += Number(fields[11]) + Number(fields[12]);
      bytes += Number(fields[21]) * PAGE_BYTES;
    } catch {
      // It ended between the look at the list and the look at it.
    }
  }
  return { ticks, bytes };
}
