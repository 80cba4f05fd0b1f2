/**
 * Which request is allowed in which state, and the exact refusals of the real platform. Pure.
 */
import type { SandboxState } from "@daytona/api-client";
import { refuse } from "../outcome.ts";
import type { Refusal } from "../outcome.ts";
import type { SandboxRecord } from "./record.ts";

export type Verb = "start" | "stop" | "pause" | "recover" | "delete" | "archive";

interface Standing {
  state: SandboxState;
  pending: boolean;
  sandboxClass: SandboxRecord["sandboxClass"];
}

const startable: readonly SandboxState[] = ["stopped", "archived", "paused"];
const errored: readonly SandboxState[] = ["error", "build_failed"];
const inMotion: readonly SandboxState[] = [
  "creating",
  "starting",
  "restoring",
  "stopping",
  "pausing",
  "resuming",
  "destroying",
  "archiving",
  "forking",
  "snapshotting",
];

export const changeInProgress = "Sandbox state change in progress";

/** Undefined when the verb may begin. */
export function refusalOf(verb: Verb, standing: Standing): Refusal | undefined {
  const { state, pending, sandboxClass } = standing;
  if (pending || inMotion.includes(state)) return refuse(409, changeInProgress).refusal;
  switch (verb) {
    case "delete":
      return undefined;
    case "start":
      if (startable.includes(state)) return undefined;
      if (errored.includes(state)) return refuse(400, "Sandbox is in an errored state").refusal;
      return refuse(400, "Sandbox is not in valid state").refusal;
    case "stop":
      if (state === "started" || state === "paused") return undefined;
      return refuse(400, "Sandbox is not in a stoppable state").refusal;
    case "pause":
      if (sandboxClass !== "linux-vm") {
        return refuse(422, "Pausing is not supported for this sandbox").refusal;
      }
      if (state === "started") return undefined;
      return refuse(400, "Sandbox is not started").refusal;
    case "archive":
      if (state === "stopped") return undefined;
      return refuse(400, "Sandbox is not stopped").refusal;
    case "recover":
      if (state === "error") return undefined;
      return refuse(400, "Sandbox is not in a recoverable state").refusal;
  }
}

/** A fork and a snapshot read a sandbox's files, and leave it as it was. */
export function copyRefusal(
  what: "fork" | "snapshot",
  { state, sandboxClass }: Pick<SandboxRecord, "state" | "sandboxClass">,
  pending: boolean,
): Refusal | undefined {
  if (pending || inMotion.includes(state)) return refuse(409, changeInProgress).refusal;
  if (what === "fork" && sandboxClass !== "linux-vm") {
    return refuse(422, "Forking is not supported for this sandbox").refusal;
  }
  if (state === "started" || state === "stopped" || state === "paused") return undefined;
  return refuse(400, `Sandbox must be in started or stopped state to ${what}`).refusal;
}

const noAddress =
  "failed to resolve container IP after 3 attempts: no IP address found. Is the Sandbox started?";

/** The proxy's answer for a sandbox that has no running container. */
export function toolboxRefusal(state: SandboxState): Refusal | undefined {
  if (state === "started" || state === "starting") return undefined;
  // What has been archived is on no machine that the proxy could ask.
  if (state === "archived") return refuse(404, "sandbox container not found").refusal;
  return refuse(400, noAddress).refusal;
}

export function sandboxNotFound(idOrName: string): { ok: false; refusal: Refusal } {
  return refuse(404, `Sandbox with ID or name ${idOrName} not found`);
}

export const AUTO_ARCHIVE_MINUTES_MAX = 43_200;

export interface IdleFacts {
  autoStopMinutes: number;
  autoPauseMinutes: number;
  autoArchiveMinutes: number;
  autoDeleteMinutes: number;
  destroyAt: string | null;
  lastActivityAt: string;
  stoppedAt: string | null;
}

/** What the passing of time asks for; undefined for nothing yet. */
export function dueVerb(
  state: SandboxState,
  facts: IdleFacts,
  nowMs: number,
): "stop" | "pause" | "archive" | "delete" | undefined {
  if (facts.destroyAt !== null && nowMs >= Date.parse(facts.destroyAt)) return "delete";
  const idleMinutes = (nowMs - Date.parse(facts.lastActivityAt)) / 60_000;
  if (state === "started") {
    if (facts.autoStopMinutes > 0 && idleMinutes >= facts.autoStopMinutes) return "stop";
    if (facts.autoPauseMinutes > 0 && idleMinutes >= facts.autoPauseMinutes) return "pause";
    return undefined;
  }
  if ((state !== "stopped" && state !== "archived") || facts.stoppedAt === null) return undefined;
  const stoppedMinutes = (nowMs - Date.parse(facts.stoppedAt)) / 60_000;
  if (facts.autoDeleteMinutes >= 0 && stoppedMinutes >= facts.autoDeleteMinutes) return "delete";
  // Zero is the longest that there is.
  const archiveMinutes = facts.autoArchiveMinutes || AUTO_ARCHIVE_MINUTES_MAX;
  return state === "stopped" && stoppedMinutes >= archiveMinutes ? "archive" : undefined;
}
