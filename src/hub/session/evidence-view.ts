/**
 * Evidence as health shows it: per probe one answer with its age, and per capability every path by
 * which it was looked at. Pure. Evidence of an older epoch is shown, and counts as unknown.
 */
import type { Evidence, ProbeName, ProbePath } from "../../probes/probe.ts";

export interface EvidenceView {
  readonly ok: boolean | null;
  readonly at: string | null;
  readonly ageMs: number | null;
  readonly latencyMs: number | null;
  readonly path: ProbePath;
  readonly detail: string;
}

export type CapabilityName = "link" | "exec" | "filesystem" | "terminal";

/** One thing that people use a session for, and how it is over each way that leads to it. */
export interface CapabilityView {
  /** True when every path that was looked at works, false when one does not. */
  readonly ok: boolean | null;
  readonly text: string;
  readonly paths: readonly EvidenceView[];
}

export interface EvidenceInput {
  readonly evidence: readonly Evidence[];
  readonly driverAttached: boolean;
  /** Wall ms since when no driver is attached; null when one is. */
  readonly driverAbsentSince: number | null;
  readonly epoch: number;
  readonly now: number;
}

const PATHS: Readonly<Record<ProbeName, readonly ProbePath[]>> = {
  driver: ["link"],
  exec: ["platform", "driver"],
  filesystem: ["platform", "driver"],
  sandbox: ["driver"],
  terminal: ["driver"],
  egress: ["platform"],
};

/** The path that fails, if one does, else the platform's: what a newcomer's command would meet. */
export function evidenceView(probe: ProbeName, input: EvidenceInput): EvidenceView {
  const views = PATHS[probe].map((path) => viewOf(probe, path, input));
  const [first] = views;
  return views.find(({ ok }) => ok === false) ?? (first as EvidenceView);
}

export function capabilityViews(
  input: EvidenceInput,
): Readonly<Record<CapabilityName, CapabilityView>> {
  return {
    link: capability("driver", input),
    exec: capability("exec", input),
    filesystem: capability("filesystem", input),
    terminal: capability("terminal", input),
  };
}

function capability(probe: ProbeName, input: EvidenceInput): CapabilityView {
  const paths = PATHS[probe].map((path) => viewOf(probe, path, input));
  const known = paths.filter(({ ok }) => ok !== null);
  const broken = known.filter(({ ok }) => ok === false);
  const works = known.filter(({ ok }) => ok === true);
  if (known.length === 0) return { ok: null, text: "not proven in this epoch", paths };
  if (broken.length === 0) return { ok: true, text: `works ${by(works)}`, paths };
  const but = works.length === 0 ? "" : `, works ${by(works)}`;
  return { ok: false, text: `broken ${by(broken)}${but}`, paths };
}

const BY: Readonly<Record<ProbePath, string>> = {
  link: "over the driver's link",
  platform: "over the platform's path",
  driver: "from inside",
};

function by(views: readonly EvidenceView[]): string {
  return views.map(({ path }) => BY[path]).join(" and ");
}

function viewOf(probe: ProbeName, path: ProbePath, input: EvidenceInput): EvidenceView {
  const found = input.evidence.find((item) => item.probe === probe && item.path === path);
  if (found === undefined) {
    return { ok: null, at: null, ageMs: null, latencyMs: null, path, detail: "not probed yet" };
  }
  const base = {
    at: new Date(found.at).toISOString(),
    ageMs: Math.max(0, input.now - found.at),
    latencyMs: found.latencyMs,
    path,
  };
  if (!input.driverAttached) {
    if (probe === "driver") return { ...base, ok: false, detail: "no driver is connected" };
    // What was seen after the driver was lost proves no session, and names what is broken.
    if (isOfNow(found, input)) return { ...base, ok: found.ok, detail: found.detail };
    return { ...base, ok: null, detail: `not trusted: seen in epoch ${found.epoch}` };
  }
  if (found.epoch !== input.epoch) {
    return { ...base, ok: null, detail: `not trusted: seen in epoch ${found.epoch}` };
  }
  return { ...base, ok: found.ok, detail: found.detail };
}

/** Seen by the platform's path, and not before the driver was lost. */
export function isOfNow(
  { path, at }: Evidence,
  { driverAbsentSince }: Pick<EvidenceInput, "driverAbsentSince">,
): boolean {
  return path === "platform" && driverAbsentSince !== null && at >= driverAbsentSince;
}
