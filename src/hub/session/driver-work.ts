/** Work on the driver's process: launch it, signal it, and see whether it can get out. */
import { withDeadline } from "../../base/deadline.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import { PROBE_WAIT_MS } from "../../probes/probe.ts";
import { isOfALateHub, probeEgress } from "../../probes/egress-probe.ts";
import type { Claim } from "../../providers/provider.ts";
import { isIdleStop } from "../../store/activity.ts";
import type { Launched, SignalResult } from "./events.ts";
import { faultFrom } from "./fault-from.ts";
import type { WayIn } from "./ladder-plan.ts";
import { lookInside } from "./look.ts";
import {
  DRIVER_DIR,
  driverFiles,
  launchCommand,
  nudgeCommand,
  readLaunchAnswer,
  readNudgeAnswer,
  readSeekAnswer,
  seekCommand,
  type NudgeAnswer,
} from "./nudge.ts";
import type { SessionContext } from "./vocabulary.ts";
import { RESTING, type WorkDesk } from "./work-desk.ts";

/** Launching starts one process: a shell that takes longer is a broken exec. */
const EXEC_WAIT_MS = 10_000;

export class DriverWork {
  readonly #desk: WorkDesk;
  /** The epoch in which a driver inside was told to dial: in it, nobody has come since. */
  #toldInEpoch: number | null = null;

  constructor(desk: WorkDesk) {
    this.#desk = desk;
  }

  /**
   * Uploads the driver and starts it detached. It proves itself by dialling. One that dials already
   * is left alone for as long as a silent sandbox is: what it carries would end with it.
   */
  async launchDriver(context: SessionContext, signal: AbortSignal): Promise<Launched> {
    const { provider, ledger, board, clock, driver, flaps, links } = this.#desk.deps;
    return this.#desk.run(context, async () => {
      const sandboxId = this.#desk.sandboxId();
      const urls = await driver.urls(ledger.record.name);
      // Before another one is launched: is one on its way, and can any of them get out?
      if (this.#isUnheard || (context.counts.relaunches > 0 && !context.driverDead)) {
        const seen = await this.#seek(urls[0], signal);
        const closed = seen.wayIsOpen ? null : await this.wayOut(signal, urls[0]);
        if (closed !== null) throw closed;
        if (seen.dialling) {
          board.stepped("launch", true, "its driver lives and dials: it is waited for");
          return { at: clock.now(), leftAlone: true };
        }
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
      this.#toldInEpoch = ledger.record.epoch;
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
      this.#desk.noteClaim(claim);
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
      this.#toldInEpoch = outcome === "signalled" ? ledger.record.epoch : null;
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

  get #isUnheard(): boolean {
    return this.#toldInEpoch === this.#desk.deps.ledger.record.epoch;
  }

  /**
   * A driver that was missed for less than a silent sandbox may be: whether it lives and dials this
   * hub, and has met nothing there that could keep it out.
   */
  async #seek(url: string | undefined, signal: AbortSignal): Promise<Sought> {
    const { provider, board, clock, ledger, policy, loop } = this.#desk.deps;
    const { driverDir } = ledger.record;
    const missedMs = clock.now() - (board.driverAbsentSince ?? clock.now());
    if (driverDir === null || url === undefined || missedMs >= policy.silenceMs) return NOT_SEEN;
    const sandboxId = this.#desk.sandboxId();
    const asked = { command: seekCommand(driverDir, url), timeoutMs: PROBE_WAIT_MS - 500 };
    const { output } = await withDeadline(
      clock,
      PROBE_WAIT_MS,
      (inner) => provider.exec(sandboxId, asked, inner),
      () =>
        new HubError("ExecQueued", `the look for its driver was queued for ${PROBE_WAIT_MS} ms`),
      signal,
    );
    const { dialling, met } = readSeekAnswer(output, url);
    const isKeptOut = met !== null && !(loop?.wasLate === true && isOfALateHub(met));
    return { dialling, wayIsOpen: dialling && !isKeptOut };
  }

  /** Why no driver can reach the hub from inside; null where it can, or nobody can tell. */
  async wayOut(signal: AbortSignal, url = ""): Promise<HubError | null> {
    const { provider, board, clock, ledger, loop } = this.#desk.deps;
    const { driverDir, epoch } = ledger.record;
    if (driverDir === null) return null;
    const found = await probeEgress({
      provider,
      sandboxId: this.#desk.sandboxId(),
      files: driverFiles(driverDir),
      ...{ url, epoch, clock, signal },
      hubWasLate: loop?.wasLate === true,
    });
    if (found === null) return null;
    board.answered(found);
    return found.code === null ? null : new HubError(found.code, found.detail);
  }
}

interface Sought {
  readonly dialling: boolean;
  readonly wayIsOpen: boolean;
}

const NOT_SEEN: Sought = { dialling: false, wayIsOpen: false };

/** Both ends are times of one clock, so their distance is true however wrong it goes. */
function unusedMs({ lastActivityAt, updatedAt }: Claim): number | null {
  if (lastActivityAt === undefined || updatedAt === null) return null;
  const ms = Date.parse(updatedAt) - Date.parse(lastActivityAt);
  return Number.isFinite(ms) ? ms : null;
}
