/** Who uses a session, in one line: what keeps its sandbox awake, or when it will be stopped. */
import { counted } from "../../base/counted.ts";
import type { Activity, Health } from "../../client/api-types.ts";
import { formatAge, formatDuration } from "./durations.ts";
import { plain } from "./paint.ts";

/** Null from a hub that does not count it. */
export function activityLine({ activity }: Health, nowMs: number): string | null {
  if (activity === undefined) return null;
  const seen = [
    processText(activity, nowMs),
    `input ${formatAge(activity.human.lastAt, nowMs)}`,
    viewerText(activity),
    awayText(activity, nowMs),
  ].filter((text) => text !== "");
  return `${stateText(activity, nowMs)}: ${seen.join(", ")}`;
}

function stateText({ wanted, stopsAt }: Activity, nowMs: number): string {
  if (wanted) return "kept awake";
  if (stopsAt === null) return "not kept awake";
  const leftMs = Date.parse(stopsAt) - nowMs;
  if (leftMs <= 0) return "not kept awake, the platform may stop it now";
  return `not kept awake, the platform stops it in ${formatDuration(leftMs)} unless it is used`;
}

function processText({ process }: Activity, nowMs: number): string {
  const { running, oldest } = process;
  if (running === null) return "the driver has not told what runs";
  if (running === 0) return "no process";
  const since =
    oldest === null
      ? ""
      : ` (${plain(oldest.program)} for ${formatDuration(Math.max(0, nowMs - Date.parse(oldest.startedAt)))})`;
  return `${counted(running, "process")}${since}`;
}

function viewerText({ viewer }: Activity): string {
  if (viewer.attached === 0) return "nobody attached";
  const passive = viewer.passive === 0 ? "" : `, ${viewer.passive} only looking on`;
  return `${viewer.attached} attached${passive}`;
}

function awayText({ away }: Activity, nowMs: number): string {
  if (away === undefined || away === null) return "";
  const left = formatDuration(Math.max(0, Date.parse(away.endsAt) - nowMs));
  return `${counted(away.clients, "client")} away, kept for ${left}`;
}
