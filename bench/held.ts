/** What a process of Node holds once all that nobody holds is gone: for those who seek a leak. */
import { Session } from "node:inspector/promises";
import type { Inspector } from "./inspector.ts";
import { openFiles } from "./process-reading.ts";

const MIB = 1024 * 1024;

export interface Held {
  readonly heapMib: number;
  readonly files: number;
  readonly timers: number;
  readonly sockets: number;
}

/** Of another process. */
export async function heldBy(pid: number, inspector: Inspector): Promise<Held> {
  const heapBytes = await inspector.heapBytes();
  return held(pid, heapBytes, await inspector.resources());
}

/** Of this one. */
export async function heldHere(): Promise<Held> {
  const session = new Session();
  session.connect();
  for (let sweep = 0; sweep < 3; sweep++) await session.post("HeapProfiler.collectGarbage");
  session.disconnect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return held(process.pid, heapUsed + arrayBuffers, counts);
}

function held(pid: number, heapBytes: number, counts: Readonly<Record<string, number>>): Held {
  return {
    heapMib: Number((heapBytes / MIB).toFixed(2)),
    files: openFiles(pid),
    timers: counts["Timeout"] ?? 0,
    sockets: counts["TCPSocketWrap"] ?? 0,
  };
}
