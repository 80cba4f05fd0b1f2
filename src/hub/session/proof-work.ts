/** Work on the proof: probes when a driver came, on patrol, and after a session failed. */
import { sleep } from "../../base/deadline.ts";
import type { FaultCode } from "../../base/faults.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { Evidence } from "../../probes/probe.ts";
import { isWayOutFault } from "../../probes/egress-probe.ts";
import { runDriverSuite, runSuite, type SuiteOptions } from "../../probes/suite.ts";
import { judge, judgeInside } from "../../probes/verdict.ts";
import type { DriverWork } from "./driver-work.ts";
import type { Launched, Proof } from "./events.ts";
import { faultFrom } from "./fault-from.ts";
import { wayInOf } from "./ladder-facts.ts";
import type { SessionContext } from "./vocabulary.ts";
import { isWayInFault, PLATFORM_SILENT } from "./way-in-faults.ts";
import { RESTING, type WorkDesk } from "./work-desk.ts";

/** What was not done in time may be done later: a way out of an archive can take many minutes. */
const LATE: readonly FaultCode[] = ["SandboxStartStalled", "SandboxStopStalled"];

export class ProofWork {
  readonly #desk: WorkDesk;
  readonly #driver: DriverWork;

  constructor(desk: WorkDesk, driver: DriverWork) {
    this.#desk = desk;
    this.#driver = driver;
  }

  /** Link, exec and filesystem in the attached epoch. The one way to connected. */
  async proveSession(context: SessionContext, signal: AbortSignal): Promise<Proof> {
    const { clock } = this.#desk.deps;
    return this.#desk.run(context, async () => {
      const sandboxId = this.#desk.sandboxId();
      const claiming = this.#readClaim(sandboxId, signal);
      await this.#probe(context, signal);
      // The claim can only make it worse: what is gone or refused explains what the probes saw.
      const worse = await claiming;
      const broken = this.#verdictFault(context);
      if (broken === null && worse?.code === "SandboxStopped") {
        const { board } = this.#desk.deps;
        board.contradicted(`${worse.message}, and its driver, commands and files answered`);
      }
      const explained =
        broken === null || worse === null ? broken : faultFrom(worse, this.#desk.place(context));
      const degraded = this.#insideProven(context) ? explained : null;
      return { fault: explained, degraded, at: clock.now() };
    });
  }

  /**
   * Probes for as long as all is as it was when the patrol began, well or degraded; ends with the
   * first round that tells another story. The driver's own path is looked at often, the platform's
   * as often as all sessions together may.
   */
  async patrol(context: SessionContext, signal: AbortSignal): Promise<Proof> {
    const { clock, policy, random, pace } = this.#desk.deps;
    const believed = context.fault?.code ?? null;
    const wantedMs = believed === null ? policy.patrolMs : policy.confirmMs;
    const within = (ms: number): number => clock.mono() + ms * (0.8 + 0.4 * random.next());
    return this.#desk.run(context, async () => {
      let due = within(wantedMs);
      let hasSlot = false;
      for (;;) {
        await this.#sleepUntil(Math.min(within(policy.driverPatrolMs), due), signal);
        if (clock.mono() >= due && !hasSlot) {
          due = pace.platform.slot(clock.mono());
          hasSlot = true;
        }
        if (clock.mono() < due) {
          // The other round looks inside, too: who waits for that one waits for no slot of this.
          const at = Math.min(due, pace.driver.slot(clock.mono()));
          await this.#sleepUntil(at, signal);
          if (at < due) {
            const broken = await this.#lookInside(context, signal);
            if (broken !== null) return broken;
          }
          continue;
        }
        const proof = await this.proveSession(context, signal);
        const kept = proof.fault === null || proof.degraded !== null;
        if (!kept || (proof.fault?.code ?? null) !== believed) return proof;
        due = within(wantedMs);
        hasSlot = false;
      }
    });
  }

  /** Monotonic ms; in this very turn where that is now. */
  async #sleepUntil(atMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#desk.deps;
    const leftMs = atMs - clock.mono();
    if (leftMs > 0) await sleep(clock, leftMs, signal);
  }

  /** The driver's path alone; null while it is well, whatever the platform's may be. */
  async #lookInside(context: SessionContext, signal: AbortSignal): Promise<Proof | null> {
    const { board, clock } = this.#desk.deps;
    await runDriverSuite(this.#suite(context, signal));
    const verdict = judgeInside(board.evidence, context.epoch ?? 0);
    if (verdict.code === "Connected" || verdict.code === "Unproven") return null;
    const fault = faultFrom(new HubError(verdict.code, verdict.text), this.#desk.place(context));
    return { fault, degraded: null, at: clock.now() };
  }

  /** Reads the claim; answers with what it says against the session, if anything. */
  async #readClaim(sandboxId: string, signal: AbortSignal): Promise<HubError | null> {
    const { provider, board } = this.#desk.deps;
    try {
      const claim = await provider.claim(sandboxId, signal);
      if (claim === null) return new HubError("SandboxGone", "the platform has no such sandbox");
      this.#desk.noteClaim(claim);
      if (!RESTING.includes(claim.state)) return null;
      return new HubError("SandboxStopped", `the platform says ${claim.platformState}`);
    } catch (error) {
      const fault = toHubError(error);
      if (!signal.aborted) board.unclaimed(fault);
      return PLATFORM_SILENT.includes(fault.code) ? fault : null;
    }
  }

  async #probe(context: SessionContext, signal: AbortSignal): Promise<void> {
    await runSuite(this.#suite(context, signal));
  }

  #suite(context: SessionContext, signal: AbortSignal): SuiteOptions {
    const { provider, board, links, clock, random, ledger } = this.#desk.deps;
    const epoch = context.epoch ?? 0;
    return {
      provider,
      sandboxId: this.#desk.sandboxId(),
      directory: ledger.record.driverDir ?? "/tmp",
      link: links.prober(epoch),
      epoch,
      clock,
      random,
      // Opening a terminal is the dearest look of all, and it seldom changes within an epoch.
      terminal: !board.evidence.some((item) => item.probe === "terminal" && item.epoch === epoch),
      markName: board.isPlaced(epoch) ? null : ledger.record.id,
      onEvidence: (evidence) => board.answered(evidence),
      signal,
    };
  }

  /**
   * Looks, at a slow pace and without a side effect, whether a failed session could be proven
   * again: its platform answers where it did not, its way in works where it was broken, or its
   * driver is here and all probes pass.
   */
  async awaitRecovery(context: SessionContext, signal: AbortSignal): Promise<Launched> {
    const { clock, policy, random, ledger } = this.#desk.deps;
    return this.#desk.run(context, async () => {
      for (;;) {
        await sleep(clock, policy.confirmMs * (0.8 + 0.4 * random.next()), signal);
        const { sandboxId } = ledger.record;
        if (sandboxId === null) continue;
        if ((await this.#readClaim(sandboxId, signal)) !== null) continue;
        if (await this.#hasRecovered(context, signal)) return { at: clock.now() };
      }
    });
  }

  async #hasRecovered(context: SessionContext, signal: AbortSignal): Promise<boolean> {
    const code = context.fault?.code ?? null;
    if (context.epoch !== null) {
      await this.#probe(context, signal);
      return this.#verdictFault(context) === null;
    }
    if (code !== null && PLATFORM_SILENT.includes(code)) return true;
    if (isWayOutFault(code)) return (await this.#driver.wayOut(signal)) === null;
    // An absent driver alone is no news; a way in that was closed and is open, is.
    if (code === null || !(isWayInFault(code) || LATE.includes(code))) return false;
    const seen: Evidence[] = [];
    await runSuite({ ...this.#suite(context, signal), onEvidence: (one) => seen.push(one) });
    return wayInOf(seen) === "works";
  }

  #insideProven(context: SessionContext): boolean {
    return judgeInside(this.#desk.deps.board.evidence, context.epoch ?? 0).code === "Connected";
  }

  #verdictFault(context: SessionContext): Proof["fault"] {
    const verdict = judge(this.#desk.deps.board.evidence, context.epoch ?? 0);
    if (verdict.code === "Connected") return null;
    const code = verdict.code === "Unproven" ? "Internal" : verdict.code;
    return faultFrom(new HubError(code, verdict.text), this.#desk.place(context));
  }
}
