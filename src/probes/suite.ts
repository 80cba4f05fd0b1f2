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
import type { Evidence, LinkProber } from "./probe.ts";

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
    const evidence = await probe;
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
