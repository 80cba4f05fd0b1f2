/**
 * The judge: evidence in, verdict out. Pure. What the platform claims never makes a verdict
 * better; where it contradicts the evidence is in disagreement.ts.
 *
 * Two questions, on purpose: `judge` says what may become connected, `judgeInside` what may stay.
 * Whoever works in a session is served by its driver; a platform whose own way in breaks does not
 * make that work unreal.
 */
import type { FaultCode } from "../base/faults.ts";
import { diagnose } from "./diagnosis.ts";
import type { Evidence, ProbeName, ProbePath } from "./probe.ts";

export type VerdictCode = "Connected" | "Unproven" | FaultCode;

export interface Verdict {
  readonly code: VerdictCode;
  /** The sentence that an admin reads. */
  readonly text: string;
}

export interface Slot {
  readonly probe: ProbeName;
  readonly path: ProbePath;
}

/** What must have been seen in this epoch before anything counts as connected. */
const REQUIRED: readonly Slot[] = [
  { probe: "driver", path: "link" },
  { probe: "exec", path: "platform" },
  { probe: "filesystem", path: "platform" },
  { probe: "exec", path: "driver" },
  { probe: "filesystem", path: "driver" },
  { probe: "sandbox", path: "driver" },
];

/** What the driver alone can show: the link, and what it did from inside. */
const INSIDE = REQUIRED.filter(({ path }) => path !== "platform");

/** What the newest evidence of this epoch proves, and what it does not. */
export function judge(evidence: readonly Evidence[], epoch: number): Verdict {
  return judgeBy(REQUIRED, evidence, epoch);
}

/** The same, asking only the driver: may people keep what they have? */
export function judgeInside(evidence: readonly Evidence[], epoch: number): Verdict {
  return judgeBy(INSIDE, evidence, epoch);
}

function judgeBy(slots: readonly Slot[], evidence: readonly Evidence[], epoch: number): Verdict {
  const current = evidence.filter((item) => item.epoch === epoch);
  const seen = (slot: Slot): Evidence | undefined =>
    current.find((item) => item.probe === slot.probe && item.path === slot.path);
  const broken = slots.map(seen).filter((item) => item?.ok === false);
  if (broken.length > 0) return verdictOf(broken as Evidence[]);
  const missing = slots.filter((slot) => seen(slot) === undefined);
  if (missing.length > 0) {
    const named = missing.map(slotName).join(", ");
    return { code: "Unproven", text: `not trusted yet: ${named} not proven in epoch ${epoch}` };
  }
  return { code: "Connected", text: `driver, exec and filesystem answered in epoch ${epoch}` };
}

/** `exec`, or `exec from inside`: the platform's path is what people expect. */
export function slotName({ probe, path }: Slot): string {
  return path === "driver" ? `${probe} from inside` : probe;
}

function verdictOf(broken: readonly Evidence[]): Verdict {
  const said = broken.map((item) => `${slotName(item)} (${item.detail})`).join("; ");
  const found = diagnose({ seen: broken, failures: [], warnings: [] });
  if (found !== null) return { code: found.code, text: `${found.says}: ${said}` };
  return { code: broken[0]?.code ?? "Internal", text: `broken: ${said}` };
}
