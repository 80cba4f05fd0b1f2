/** Where drills bite in the life of a sandbox: asked by the lifecycle before it takes a step. */
import type { SandboxState } from "@daytona/api-client";
import type { Refusal } from "../outcome.ts";
import type { SandboxRecord } from "../sandbox/record.ts";
import type { Step } from "./catalogue.ts";
import type { Drills } from "./drills.ts";

export type StepFault =
  | { kind: "refuse"; refusal: Refusal }
  | { kind: "ignore" }
  | { kind: "fail"; state: SandboxState; reason: string; afterMs: number }
  /** True when the step goes on afterwards; false when the platform ends. */
  | { kind: "stuck"; until: () => Promise<boolean> };

/** Undefined when the step is to be taken as always. */
export function stepFault(
  drills: Drills,
  step: Step,
  record: Pick<SandboxRecord, "id" | "name" | "snapshot">,
): StepFault | undefined {
  const isStep = (bite: { step: Step }): boolean => bite.step === step;
  const refusing = drills.take("refuse", record, isStep);
  if (refusing !== undefined) {
    const { status, message } = refusing.bite.refusal;
    const text = (refusing.wish.reason ?? message).replace("{snapshot}", record.snapshot);
    return { kind: "refuse", refusal: { status, message: text } };
  }
  if (drills.take("ignore", record, isStep) !== undefined) return { kind: "ignore" };
  const failing = drills.take("fail", record, isStep);
  if (failing !== undefined) {
    const { state, reason } = failing.bite;
    const afterMs = Number.isFinite(failing.delayMs) ? failing.delayMs : 0;
    return { kind: "fail", state, reason: failing.wish.reason ?? reason, afterMs };
  }
  const stuck = drills.take("stuck", record, isStep);
  if (stuck === undefined) return undefined;
  const until = async (): Promise<boolean> => (await drills.wait(stuck)) !== "the platform ends";
  return { kind: "stuck", until };
}

/** The state that a claim gives in place of the true one; undefined when it is to be honest. */
export function claimedState(drills: Drills, record: SandboxRecord): SandboxState | undefined {
  const drill = drills.take("claim", record, () => true);
  if (drill === undefined) return undefined;
  switch (drill.bite.lie) {
    case "stale":
      return (drill.wish.reason ?? record.state) as SandboxState;
    case "word":
      return (drill.wish.reason ?? "hibernating") as SandboxState;
    case "flap":
      return Math.floor(Date.now() / drill.delayMs) % 2 === 0 ? "started" : "stopped";
  }
}

type Times = Pick<SandboxRecord, "updatedAt" | "lastActivityAt">;

/** The times that a claim gives: the true ones, or those of a clock that is wrong. */
export function claimedTimes(
  drills: Drills,
  record: Pick<SandboxRecord, "id" | "name"> & Times,
): Times {
  const drill = drills.take("clock", record, () => true);
  const aheadMs = drill?.delayMs ?? 0;
  const shown = (time: string): string => new Date(Date.parse(time) + aheadMs).toISOString();
  return { updatedAt: shown(record.updatedAt), lastActivityAt: shown(record.lastActivityAt) };
}

/** What a listing leaves in. */
export function listed(drills: Drills, records: readonly SandboxRecord[]): SandboxRecord[] {
  return records.filter((record) => {
    const drill = drills.take("listing", record, () => true);
    if (drill === undefined) return true;
    return drill.bite.lie === "lag" && Date.now() - Date.parse(record.createdAt) >= drill.delayMs;
  });
}
