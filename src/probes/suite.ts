/**
 * The proof of a session: link, exec and filesystem probed together, over the platform's path and
 * the driver's, labelled with one epoch. Each answer is reported as it comes, so that a person
 * watching sees them one by one.
 */
import type { Clock } from "../base/clock.ts";
import { HubError } from "../base/hub-error.ts";
import { newId } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import type { SandboxProvider } from "../providers/provider.ts";
import { probeExec } from "./exec-probe.ts";
import { probeFilesystem } from "./filesystem-probe.ts";
import { probeInside, probeTerminal } from "./inside-probe.ts";
import { probeLink } from "./link-probe.ts";
import { Mark, probeSandbox } from "./mark.ts";
import { PROBE_WAIT_MS, type Evidence, type LinkProber } from "./probe.ts";

export interface SuiteOptions {
  readonly provider: SandboxProvider;
  readonly sandboxId: string;
  readonly directory: string;
  readonly link: LinkProber | null;
  readonly epoch: number;
  readonly clock: Clock;
  readonly random: Random;
  /** A terminal is opened too: once in a proof, not in every round. */
  readonly terminal: boolean;
  /**
   * Names the mark of the session, where it is still to be shown that driver and platform lead into
   * one sandbox: once in each epoch. Null when that is known.
   */
  readonly markName: string | null;
  readonly onEvidence: (evidence: Evidence) => void;
  readonly signal?: AbortSignal;
}

/** Everything, over both paths. */
export async function runSuite(options: SuiteOptions): Promise<void> {
  const nonce = newId("prb", options.random);
  const { link, markName, directory, random } = options;
  const mark = link === null || markName === null ? null : new Mark(directory, markName, random);
  await Promise.all([runDriverSuite(options, nonce), runPlatformSuite(options, nonce, mark)]);
}

/** What the platform's way in can show, with or without a driver. */
export async function runPlatformSuite(
  options: SuiteOptions,
  nonce = newId("prb", options.random),
  mark: Mark | null = null,
): Promise<void> {
  await Promise.all([
    reportExecAndPlace(options, nonce, mark),
    report(options, probeFilesystem({ ...options, nonce })),
  ]);
}

/** The driver is asked for the mark only where a command left one: all else is exec's to tell. */
async function reportExecAndPlace(
  options: SuiteOptions,
  nonce: string,
  mark: Mark | null,
): Promise<void> {
  const { link, clock } = options;
  const startedAt = clock.mono();
  const running = probeExec({ ...options, nonce, mark });
  await report(options, running);
  const isWorth = (await running).ok && mark !== null && link !== null;
  if (isWorth) await report(options, probeSandbox({ ...options, link, mark, startedAt }));
}

/** What can be seen over the driver's link alone: it costs the platform nothing. */
export async function runDriverSuite(
  options: SuiteOptions,
  nonce = newId("prb", options.random),
): Promise<void> {
  const { link, epoch, clock, terminal } = options;
  const silent = new AbortController();
  const linked = probeLink({ link, epoch, clock }).then((evidence) => {
    // Nobody looks from inside when nobody answers: there is nothing more to wait for.
    if (!evidence.ok) silent.abort(new HubError(evidence.code ?? "DriverDeaf", evidence.detail));
    return evidence;
  });
  const inside = { link, epoch, clock, nonce, signal: silent.signal };
  await Promise.all([
    report(options, linked),
    reportAll(options, probeInside(inside)),
    ...(terminal ? [report(options, probeTerminal(inside))] : []),
  ]);
}

function report(options: SuiteOptions, probe: Promise<Evidence>): Promise<void> {
  return reportAll(
    options,
    probe.then((evidence) => [evidence]),
  );
}

async function reportAll(
  { onEvidence, signal }: SuiteOptions,
  probe: Promise<readonly Evidence[]>,
): Promise<void> {
  for (const evidence of await probe) {
    if (signal?.aborted !== true) onEvidence(timely(evidence));
  }
}

/**
 * An answer counts within its deadline only. A hub that was stopped in between finds answers from
 * before its sleep in its sockets: they prove a sandbox that was, not one that is.
 */
function timely(evidence: Evidence): Evidence {
  if (!evidence.ok || evidence.latencyMs <= PROBE_WAIT_MS) return evidence;
  const code = CODES[evidence.probe];
  const detail = `answered, but read only after ${evidence.latencyMs} ms`;
  return { ...evidence, ok: false, code, detail };
}

const CODES = {
  driver: "DriverDeaf",
  exec: "ExecQueued",
  filesystem: "FilesystemBroken",
  sandbox: "DriverDeaf",
  terminal: "ExecBroken",
  egress: "ExecQueued",
} as const;
