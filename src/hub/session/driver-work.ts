/** Work on the driver and the proof: launch, nudge, probe, patrol. */
import { sleep, withDeadline } from "../../base/deadline.ts";
import type { FaultCode } from "../../base/faults.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import { PROBE_WAIT_MS, type Evidence } from "../../probes/probe.ts";
import { isWayOutFault, probeEgress } from "../../probes/egress-probe.ts";
import { runDriverSuite, runSuite, type SuiteOptions } from "../../probes/suite.ts";
import { judge, judgeInside } from "../../probes/verdict.ts";
import type { Claim, ClaimState } from "../../providers/provider.ts";
import { isIdleStop } from "../../store/activity.ts";
import type { Launched, Proof, SignalResult } from "./events.ts";
import { faultFrom } from "./fault-from.ts";
import {
  DRIVER_DIR,
  driverFiles,
  launchCommand,
  nudgeCommand,
  readLaunchAnswer,
  readNudgeAnswer,
  type NudgeAnswer,
} from "./nudge.ts";
import { wayInOf } from "./ladder-facts.ts";
import type { WayIn } from "./ladder-plan.ts";
import { lookInside } from "./look.ts";
import type { SessionContext } from "./vocabulary.ts";
import { isWayInFault, PLATFORM_SILENT } from "./way-in-faults.ts";
import type { WorkDesk } from "./work-desk.ts";

/** Launching starts one process: a shell that takes longer is a broken exec. */
const EXEC_WAIT_MS = 10_000;

/** What was not done in time may be done later: a way out of an archive can take many minutes. */
const LATE: readonly FaultCode[] = ["SandboxStartStalled", "SandboxStopStalled"];

/** A sandbox in one of these runs nothing until it is started. */
export const RESTING: readonly ClaimState[] = ["stopped", "paused", "archived"];

/** From inside to the hub: why nobody gets out, and whether a driver is at it right now. */
interface Way {
  readonly closed: HubError | null;
  readonly dialling: boolean;
}
const UNKNOWN: Way = { closed: null, dialling: false };

export class DriverWork {
  readonly #desk: WorkDesk;
  /** A driver runs inside, was told to dial, and has not come yet. */
  #unheard = false;

  constructor(desk: WorkDesk) {
    this.#desk = desk;
  }

  /**
   * Uploads the driver and starts it detached. It proves itself by dialling. One that dials already
   * is left alone once, or as often as the hub was late: what it carries would end with it.
   */
  async launchDriver(context: SessionContext, signal: AbortSignal): Promise<Launched> {
    const { provider, ledger, board, clock, driver, flaps, links, loop } = this.#desk.deps;
    return this.#desk.run(context, async () => {
      const sandboxId = this.#desk.sandboxId();
      const urls = await driver.urls(ledger.record.name);
      // Before another one is launched: can any of them get out, and is one on its way?
      const isMissed = context.counts.relaunches > 0 && !context.driverDead;
      const way = this.#unheard || isMissed ? await this.#wayOut(signal, urls[0]) : UNKNOWN;
      if (way.closed !== null) throw way.closed;
      if (way.dialling && (context.counts.relaunches === 1 || loop?.wasLate === true)) {
        board.stepped("launch", true, "its driver lives and dials: it is waited for once more");
        return { at: clock.now() };
      }
      const home = await provider.homeDir(sandboxId, signal);
      const dir = `${home}/${DRIVER_DIR}`;
      const files = driverFiles(dir);
      const config = {
        session: ledger.record.id,
        token: driver.token(ledger.record.id, ledger.record.sandboxName),
        ticket: links.ticket(),
        urls,
        ca: (await driver.ca?.()) ?? undefined,
        // Where commands and shells of the session start.
        home,
        readyFile: files.ready,
        logFile: files.log,
      };
      const json = new TextEncoder().encode(JSON.stringify(config));
      await provider.writeFile(sandboxId, files.bundle, await driver.bundle(), signal);
      await provider.writeFile(sandboxId, files.config, json, signal);
      const launch = launchCommand(dir, (await driver.digest?.()) ?? null);
      const command = `chmod 700 '${dir}'; chmod 600 '${files.config}'; ${launch}`;
      const answer = await withDeadline(
        clock,
        EXEC_WAIT_MS,
        (inner) => provider.exec(sandboxId, { command, timeoutMs: EXEC_WAIT_MS - 500 }, inner),
        () => new HubError("ExecQueued", `the launch was queued for ${EXEC_WAIT_MS} ms`),
        signal,
      );
      const said = answer.output.trim().slice(0, 400);
      const outcome = readLaunchAnswer(answer.exitCode);
      if (outcome === "no-runtime") throw new HubError("DriverRuntimeMissing", said);
      if (outcome === "failed") {
        throw new HubError("DriverLaunchFailed", `launch exited ${answer.exitCode}: ${said}`);
      }
      flaps.launched();
      board.stepped("launch", true, said);
      this.#unheard = true;
      ledger.note("driver.launched", `driver ${said}`, { dir }, { driverDir: dir });
      return { at: clock.now() };
    });
  }

  /**
   * One look at the claim, one nudge, and beside it a look at the platform's way in: what is broken
   * has its name while the nudge is still under way, and nobody waits for rungs that go by it.
   */
  async signalDriver(context: SessionContext, signal: AbortSignal): Promise<SignalResult> {
    const { provider, ledger, board, clock } = this.#desk.deps;
    const result = (
      outcome: SignalResult["outcome"],
      wrong: HubError | null,
      detail: string,
      look: WayIn = "unseen",
    ): SignalResult => {
      board.stepped("nudge", outcome === "signalled", detail);
      if (outcome === "driver-dead") board.restIsOver();
      const fault = wrong === null ? null : faultFrom(wrong, this.#desk.place(context));
      return { outcome, fault, look, at: clock.now() };
    };
    return this.#desk.run(context, async () => {
      const sandboxId = this.#desk.sandboxId();
      const claim = await provider.claim(sandboxId, signal);
      if (claim === null) {
        const gone = new HubError("SandboxGone", "the platform has no such sandbox");
        return result("gone", gone, gone.message);
      }
      if (RESTING.includes(claim.state) && this.#restsIdle(claim)) {
        board.claimed(claim);
        return result("idle", null, `the platform says ${claim.platformState}; nobody used it`);
      }
      this.#noteClaim(claim);
      if (RESTING.includes(claim.state)) {
        const stopped = new HubError(
          "SandboxStopped",
          `not signalled: the platform says ${claim.platformState}`,
        );
        ledger.note("nudge.sent", stopped.message, { code: stopped.code });
        return result("stopped", stopped, stopped.message);
      }
      const dir = ledger.record.driverDir;
      if (dir === null) return result("driver-dead", null, "no driver was launched yet");
      const [nudge, { wayIn, wrong }] = await Promise.all([
        this.#nudge(context, dir, signal),
        lookInside(this.#desk, context, signal),
      ]);
      if (claim.state === "started" && wayIn === "broken") {
        const said = `the platform says ${claim.platformState}`;
        board.contradicted(`${said}, but no driver is connected and its own way in is broken`);
      }
      // What the probes prove names the fault better than the nudge that failed of it. The way of
      // a nudge that was queued is stuck, whatever else the platform still answers.
      const look = nudge.wrong?.code === "NudgeQueued" && wayIn !== "silent" ? "stuck" : wayIn;
      return result(nudge.outcome, wrong ?? nudge.wrong, nudge.said, look);
    });
  }

  /** @throws HubError when the platform refuses for good; all else is an outcome. */
  async #nudge(
    context: SessionContext,
    dir: string,
    signal: AbortSignal,
  ): Promise<{ outcome: NudgeAnswer; wrong: HubError | null; said: string }> {
    const { provider, ledger, clock, links } = this.#desk.deps;
    const sandboxId = this.#desk.sandboxId();
    const name = `nudge ${context.counts.nudges}`;
    const command = nudgeCommand(dir, links.ticket(), ledger.record.epochIssued);
    try {
      const { exitCode, output } = await withDeadline(
        clock,
        PROBE_WAIT_MS,
        (inner) => provider.exec(sandboxId, { command, timeoutMs: PROBE_WAIT_MS - 500 }, inner),
        () => new HubError("NudgeQueued", `the nudge was queued for ${PROBE_WAIT_MS} ms`),
        signal,
      );
      const said = output.trim().slice(0, 200);
      ledger.note("nudge.sent", `${name}: ${said}`, { exitCode });
      const outcome = readNudgeAnswer(exitCode);
      this.#unheard = outcome === "signalled";
      return { outcome, wrong: null, said };
    } catch (error) {
      const thrown = toHubError(error);
      if (thrown.kind.retry === "never") throw thrown;
      const wrong =
        thrown.code === "PlatformTimeout" ? new HubError("NudgeQueued", thrown.message) : thrown;
      ledger.note("nudge.sent", `${name} failed: ${wrong.message}`, { code: wrong.code });
      return { outcome: "failed", wrong, said: wrong.message };
    }
  }

  /**
   * A sandbox that the platform stopped because nobody used it is left to rest: waking it would
   * only cost another round of the same. Written down before anything else happens with it.
   */
  #restsIdle(claim: Claim): boolean {
    const { ledger, policy, clock } = this.#desk.deps;
    const seen = { restedMs: ledger.restedMs, unusedMs: unusedMs(claim), now: clock.now() };
    if (!isIdleStop(ledger.record, policy.autoStopMs, seen)) return false;
    const text = "the platform stopped it because nobody used it; it rests until it is resumed";
    ledger.note("intent.changed", text, { desired: "suspended" }, { desired: "suspended" });
    return true;
  }

  /** Link, exec and filesystem in the attached epoch. The one way to connected. */
  async proveSession(context: SessionContext, signal: AbortSignal): Promise<Proof> {
    const { clock } = this.#desk.deps;
    if (context.epoch !== null) this.#unheard = false;
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
    const jitter = (): number => 0.8 + 0.4 * random.next();
    const nextDue = (): number => clock.mono() + wantedMs * jitter();
    return this.#desk.run(context, async () => {
      let due = nextDue();
      let hasSlot = false;
      for (;;) {
        const leftMs = Math.max(0, due - clock.mono());
        await sleep(clock, Math.min(policy.driverPatrolMs * jitter(), leftMs), signal);
        if (clock.mono() >= due && !hasSlot) {
          due = pace.slot(clock.mono());
          hasSlot = true;
        }
        if (clock.mono() < due) {
          const broken = await this.#lookInside(context, signal);
          if (broken !== null) return broken;
          continue;
        }
        const proof = await this.proveSession(context, signal);
        const kept = proof.fault === null || proof.degraded !== null;
        if (!kept || (proof.fault?.code ?? null) !== believed) return proof;
        due = nextDue();
        hasSlot = false;
      }
    });
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

  /** A sandbox that ran and rests was stopped by somebody: our own stops are known before. */
  #noteClaim(claim: Claim): void {
    const { board, flaps } = this.#desk.deps;
    if (board.claim?.state === "started" && RESTING.includes(claim.state)) flaps.stopped();
    board.claimed(claim);
  }

  /** Reads the claim; answers with what it says against the session, if anything. */
  async #readClaim(sandboxId: string, signal: AbortSignal): Promise<HubError | null> {
    const { provider, board } = this.#desk.deps;
    try {
      const claim = await provider.claim(sandboxId, signal);
      if (claim === null) return new HubError("SandboxGone", "the platform has no such sandbox");
      this.#noteClaim(claim);
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
    if (isWayOutFault(code)) return (await this.#wayOut(signal)).closed === null;
    // An absent driver alone is no news; a way in that was closed and is open, is.
    if (code === null || !(isWayInFault(code) || LATE.includes(code))) return false;
    const seen: Evidence[] = [];
    await runSuite({ ...this.#suite(context, signal), onEvidence: (one) => seen.push(one) });
    return wayInOf(seen) === "works";
  }

  /** Why no driver can reach the hub from inside, if so, and whether one dials `url` right now. */
  async #wayOut(signal: AbortSignal, url = ""): Promise<Way> {
    const { provider, board, clock, ledger, loop } = this.#desk.deps;
    const { driverDir, epoch } = ledger.record;
    if (driverDir === null) return UNKNOWN;
    const found = await probeEgress({
      provider,
      sandboxId: this.#desk.sandboxId(),
      files: driverFiles(driverDir),
      ...{ url, epoch, clock, signal },
      hubWasLate: loop?.wasLate === true,
    });
    if (found === null) return UNKNOWN;
    const { evidence, dialling } = found;
    board.answered(evidence);
    const closed = evidence.code === null ? null : new HubError(evidence.code, evidence.detail);
    return { closed, dialling };
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

/** Both ends are times of one clock, so their distance is true however wrong it goes. */
function unusedMs({ lastActivityAt, updatedAt }: Claim): number | null {
  if (lastActivityAt === undefined || updatedAt === null) return null;
  const ms = Date.parse(updatedAt) - Date.parse(lastActivityAt);
  return Number.isFinite(ms) ? ms : null;
}
