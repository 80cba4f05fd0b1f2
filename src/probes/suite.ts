/**
 * The proof of a session: link, exec and filesystem probed together, labelled with one epoch.
 * Each answer is reported as it comes, so that a person watching sees them one by one.
 */
import type { Clock } from "../base/clock.ts";
import { newId } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import type { SandboxProvider } from "../providers/provider.ts";
import { probeExec } from "./exec-probe.ts";
import { probeFilesystem } from "./filesystem-probe.ts";
import { probeLink } from "./link-probe.ts";
import { PROBE_WAIT_MS, type Evidence, type LinkProber } from "./probe.ts";

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
} as const;

export async function runSuite(options: {
  provider: SandboxProvider;
  sandboxId: string;
  directory: string;
  link: LinkProber | null;
  epoch: number;
  clock: Clock;
  random: Random;
  onEvidence: (evidence: Evidence) => void;
  signal?: AbortSignal;
}): Promise<readonly Evidence[]> {
  const { link, epoch, clock, random, onEvidence } = options;
  const report = async (probe: Promise<Evidence>): Promise<Evidence> => {
    const evidence = timely(await probe);
    if (options.signal?.aborted !== true) onEvidence(evidence);
    return evidence;
  };
  const nonce = newId("prb", random);
  return Promise.all([
    report(probeLink({ link, epoch, clock })),
    report(probeExec({ ...options, nonce })),
    report(probeFilesystem({ ...options, nonce })),
  ]);
}
