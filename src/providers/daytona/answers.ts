/**
 * Whether an answer is about what was asked: a cache between us and the platform, or a platform
 * that is confused, may answer for another sandbox, another organisation, or with no sandbox at
 * all. Such an answer is never a claim. Pure.
 */
import { HubError } from "../../base/hub-error.ts";
import type { Capabilities, Claim, SandboxRequest, SnapshotClaim } from "../provider.ts";
import { claimState, startFailure } from "./classify.ts";

/** What is read of a sandbox; from the wire, so each part may be anything. */
export interface SandboxAnswer {
  readonly id?: unknown;
  readonly name?: unknown;
  readonly organizationId?: unknown;
  readonly toolboxProxyUrl?: unknown;
  readonly labels?: unknown;
  readonly state?: unknown;
  readonly errorReason?: unknown;
  readonly updatedAt?: unknown;
  readonly lastActivityAt?: unknown;
  readonly sandboxClass?: unknown;
}

export interface SnapshotAnswer {
  readonly name?: unknown;
  readonly state?: unknown;
  readonly errorReason?: unknown;
}

export function claimOf(answer: SandboxAnswer, at: number): Claim {
  const platformState = text(answer.state) ?? "unknown";
  const state = claimState(platformState);
  const reason = text(answer.errorReason);
  const capabilities = CAPABILITIES[text(answer.sandboxClass) ?? ""];
  const lastActivityAt = text(answer.lastActivityAt);
  return {
    sandboxId: text(answer.id) ?? "",
    state,
    platformState,
    reason,
    updatedAt: text(answer.updatedAt),
    ...(lastActivityAt === null ? {} : { lastActivityAt }),
    ...(BUILDING.includes(platformState) ? { building: true } : {}),
    ...(state === "error" ? { failure: startFailure(platformState, reason) } : {}),
    ...(capabilities === undefined ? {} : { capabilities }),
    at,
  };
}

const WITH_MEMORY: Capabilities = { pause: true, fork: true, snapshot: true };

/** By Daytona's classes: a container has no memory that a pause could keep, or a fork copy. */
const CAPABILITIES: Readonly<Record<string, Capabilities>> = {
  container: { pause: false, fork: false, snapshot: true },
  "linux-vm": WITH_MEMORY,
  windows: WITH_MEMORY,
};

/** States in which Daytona builds an image, pulls one, or fetches an archive. */
const BUILDING = ["pending_build", "building_snapshot", "pulling_snapshot", "restoring"];

export function snapshotClaimOf(answer: SnapshotAnswer, at: number): SnapshotClaim {
  const platformState = text(answer.state) ?? "unknown";
  return {
    name: text(answer.name) ?? "",
    state: SNAPSHOT_STATES[platformState] ?? "activating",
    platformState,
    reason: text(answer.errorReason),
    at,
  };
}

/** All else is on its way: pending, building, pulling, snapshotting. */
const SNAPSHOT_STATES: Readonly<Record<string, SnapshotClaim["state"]>> = {
  active: "active",
  inactive: "inactive",
  error: "failed",
  build_failed: "failed",
  removing: "failed",
};

/** @throws HubError PlatformAnswerInvalid when it is no sandbox, or another one. */
export function checkFound(found: unknown, idOrName: string): SandboxAnswer {
  const answer = (found ?? {}) as SandboxAnswer;
  const { id, name } = answer;
  if (text(id) === null || text(answer.state) === null) throw junk("read sandbox", answer, false);
  if (id === idOrName || name === idOrName) return answer;
  const said = `asked for ${idOrName}, the answer is about ${called(answer)}`;
  throw wrong("read sandbox", said, answer, false);
}

/** @throws HubError PlatformAnswerInvalid of unknown outcome: what was asked for may be there. */
export function checkCreated(answer: SandboxAnswer, request: SandboxRequest): void {
  if (text(answer.id) === null || text(answer.state) === null) {
    throw junk("create sandbox", answer, true);
  }
  const worn = (answer.labels ?? {}) as Readonly<Record<string, unknown>>;
  const stripped = Object.entries(request.labels).filter(([key, value]) => worn[key] !== value);
  if (answer.name === request.name && stripped.length === 0) return;
  const said = `asked for ${request.name}, the answer is about ${called(answer)}`;
  throw wrong("create sandbox", said, answer, true);
}

/** One sandbox stays in one organisation; an answer that says otherwise is another's. */
export function checkSameOrganisation(answer: SandboxAnswer, known: string | null): void {
  const said = text(answer.organizationId);
  if (known === null || said === null || said === known) return;
  const sentence = `the sandbox is of organisation ${known}, the answer is of ${said}`;
  throw wrong("read sandbox", sentence, answer, false);
}

function called({ id, name }: SandboxAnswer): string {
  return `${text(name) ?? "no name"} (${text(id) ?? "no id"})`;
}

function junk(call: string, answer: SandboxAnswer, outcomeUnknown: boolean): HubError {
  return wrong(call, "the answer is no sandbox", answer, outcomeUnknown);
}

function wrong(
  call: string,
  said: string,
  answer: SandboxAnswer,
  outcomeUnknown: boolean,
): HubError {
  const { id, name, state, organizationId } = answer;
  const raw = JSON.stringify({ id, name, state, organizationId });
  return new HubError("PlatformAnswerInvalid", `${call}: ${said}`, { raw, outcomeUnknown });
}

/** Null for what is no word. */
export function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
