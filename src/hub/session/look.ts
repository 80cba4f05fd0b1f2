/**
 * A look at a session's ways into its sandbox without a side effect: commands and files by the
 * platform, and the driver where one is attached. What it sees is on the board as it comes.
 */
import { HubError } from "../../base/hub-error.ts";
import type { Evidence } from "../../probes/probe.ts";
import { runPlatformSuite, runSuite } from "../../probes/suite.ts";
import { judge } from "../../probes/verdict.ts";
import { wayInOf } from "./ladder-facts.ts";
import type { WayIn } from "./ladder-plan.ts";
import type { SessionContext } from "./vocabulary.ts";
import type { WorkDesk } from "./work-desk.ts";

export interface Look {
  readonly wayIn: WayIn;
  /** What the platform's way in proves to be wrong; null when it works. */
  readonly wrong: HubError | null;
}

export async function lookInside(
  desk: WorkDesk,
  context: SessionContext,
  signal: AbortSignal,
): Promise<Look> {
  const { provider, board, clock, random, links, ledger } = desk.deps;
  const epoch = context.epoch ?? ledger.record.epoch;
  const seen: Evidence[] = [];
  // Without a driver nothing of it is probed: its absence is known.
  const look = context.epoch === null ? runPlatformSuite : runSuite;
  await look({
    provider,
    sandboxId: desk.sandboxId(),
    directory: ledger.record.driverDir ?? "/tmp",
    link: links.prober(epoch),
    epoch,
    clock,
    random,
    terminal: false,
    // A driver that was not found here may be by now, or another one is.
    markName: board.isPlaced(epoch) ? null : ledger.record.id,
    onEvidence: (evidence) => {
      seen.push(evidence);
      board.answered(evidence);
    },
    signal,
  });
  const verdict = judge(
    seen.filter(({ path }) => path === "platform"),
    epoch,
  );
  const proven = verdict.code === "Connected" || verdict.code === "Unproven";
  const wrong = proven ? null : new HubError(verdict.code, verdict.text);
  return { wayIn: wayInOf(seen), wrong };
}
