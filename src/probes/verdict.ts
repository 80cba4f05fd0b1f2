/**
 * The judge: evidence and claim in, verdict out. Pure. What the platform claims never makes a
 * verdict better; it only names the disagreement.
 */
import type { FaultCode } from "../base/faults.ts";
import type { Claim } from "../providers/provider.ts";
import type { Evidence, ProbeName } from "./probe.ts";

export type VerdictCode = "Connected" | "Unproven" | FaultCode;

export interface Verdict {
  readonly code: VerdictCode;
  /** The sentence that an admin reads. */
  readonly text: string;
}

const PROBES: readonly ProbeName[] = ["driver", "exec", "filesystem"];

/** What the newest evidence of this epoch proves, and what it does not. */
export function judge(evidence: readonly Evidence[], epoch: number): Verdict {
  const current = evidence.filter((item) => item.epoch === epoch);
  const broken = PROBES.map((probe) => current.find((e) => e.probe === probe && !e.ok)).filter(
    (item) => item !== undefined,
  );
  const missing = PROBES.filter((probe) => !current.some((item) => item.probe === probe));
  if (broken.length > 0) return verdictOf(broken);
  if (missing.length > 0) {
    return {
      code: "Unproven",
      text: `not trusted yet: ${missing.join(", ")} not proven in epoch ${epoch}`,
    };
  }
  return {
    code: "Connected",
    text: `driver, exec and filesystem answered in epoch ${epoch}`,
  };
}

function verdictOf(broken: readonly Evidence[]): Verdict {
  const said = broken.map((item) => `${item.probe} (${item.detail})`).join("; ");
  const has = (probe: ProbeName): boolean => broken.some((item) => item.probe === probe);
  if (has("exec") && has("filesystem") && !broken.some((item) => isPlatformWide(item.code))) {
    return { code: "ResumeBroken", text: `neither exec nor filesystem works: ${said}` };
  }
  const [first] = [...broken].sort((a, b) => weight(a.code) - weight(b.code));
  return { code: first?.code ?? "Internal", text: `broken: ${said}` };
}

/** Faults that say nothing about this sandbox come first: they explain all the others. */
function isPlatformWide(code: FaultCode | null): boolean {
  return (
    code === "PlatformAuthRejected" ||
    code === "PlatformRateLimited" ||
    code === "PlatformDown" ||
    code === "SandboxStopped"
  );
}

function weight(code: FaultCode | null): number {
  if (isPlatformWide(code)) return 0;
  return code === "FilesystemMountMissing" ? 1 : 2;
}

/** What is needed to see that platform and evidence do not agree. */
export interface DisagreementInput {
  readonly claim: Claim | null;
  readonly driverAttached: boolean;
  /** Wall ms since when no driver is attached; null when one is. */
  readonly driverAbsentSince: number | null;
  readonly evidence: readonly Evidence[];
  readonly epoch: number;
  readonly now: number;
}

/** One sentence with the age of each fact, or null when nobody contradicts the platform. */
export function disagreement(input: DisagreementInput): string | null {
  const { claim, now } = input;
  if (claim?.state !== "started") return null;
  const claimed = `the platform says ${claim.platformState} (${age(now - claim.at)} ago)`;
  if (!input.driverAttached) {
    const since = input.driverAbsentSince;
    const absent = since === null ? "" : ` for ${age(now - since)}`;
    return `${claimed}, but no driver is connected${absent}: not trusted yet`;
  }
  const broken = input.evidence.filter((item) => item.epoch === input.epoch && !item.ok);
  if (broken.length === 0) return null;
  const seen = broken.map((item) => `${item.probe} failed ${age(now - item.at)} ago`);
  return `${claimed}, but ${seen.join(" and ")}`;
}

function age(ms: number): string {
  return ms < 10_000 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}
