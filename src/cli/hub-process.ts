/** Stops the hub that runs on a home, as exactly that process. */
import { limits } from "../base/limits.ts";
import { signalProcess, isRunning } from "./process-identity.ts";
import { removeHubRecord, type HubRecord } from "./home.ts";

const POLL_MS = 25;

export type HubStop = "stopped" | "killed";

export async function stopHub(home: string, hub: HubRecord): Promise<HubStop> {
  signalProcess(hub, "SIGTERM");
  const lateAtMs = performance.now() + limits.HUB_STOP_MS_MAX;
  while (isRunning(hub)) {
    if (performance.now() > lateAtMs) {
      signalProcess(hub, "SIGKILL");
      removeHubRecord(home, hub);
      return "killed";
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  removeHubRecord(home, hub);
  return "stopped";
}
