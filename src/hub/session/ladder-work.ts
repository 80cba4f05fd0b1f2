/**
 * The work of the ladder's upper half: looking at both ways in, asking the control sandbox, waiting
 * out what flaps, and the two destructive rungs. Whether a rung may be climbed is ladder-plan.ts;
 * nothing here decides it.
 */
import { sleep, withDeadline } from "../../base/deadline.ts";
import type { FaultCode } from "../../base/faults.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { Claim } from "../../providers/provider.ts";
import { discardSandbox, quarantineSandbox } from "../../store/facts.ts";
import type { Assessment, ControlFound, Launched } from "./events.ts";
import { faultFrom } from "./fault-from.ts";
import { lookInside } from "./look.ts";
import { driverFiles } from "./nudge.ts";
import type { SessionContext } from "./vocabulary.ts";
import { RESTING, type WorkDesk } from "./work-desk.ts";

/** Stopping what is about to be replaced saves cost; a broken one may refuse, and is kept so. */
const STOP_WAIT_MS = 10_000;
/** As much of a driver's last words as a person reads. */
const LAST_WORDS_CHARS = 1_000;

export class LadderWork {
  readonly #desk: WorkDesk;

  constructor(desk: WorkDesk) {
    this.#desk = desk;
  }

  /** Claim, commands and files over the platform, and the driver's link, side by side. */
  assessSandbox(context: SessionContext, signal: AbortSignal): Promise<Assessment> {
    const { board, clock, policy } = this.#desk.deps;
    return this.#desk.run(context, async () => {
      const found = await withDeadline(
        clock,
        policy.assessMs,
        (inner) => this.#look(context, inner),
        () => new HubError("ExecQueued", `no answer within ${policy.assessMs} ms`),
        signal,
      );
      board.stepped("assess", found.wayIn === "works", `the platform's way in: ${found.wayIn}`);
      return found;
    });
  }

  async #look(context: SessionContext, signal: AbortSignal): Promise<Assessment> {
    const { clock } = this.#desk.deps;
    const answer = (wayIn: Assessment["wayIn"], fault: HubError | null): Assessment => ({
      wayIn,
      fault: fault === null ? null : faultFrom(fault, this.#desk.place(context)),
      at: clock.now(),
    });
    const claiming = this.#claim(this.#desk.sandboxId(), signal);
    const { wayIn, wrong } = await lookInside(this.#desk, context, signal);
    const claim = await claiming;
    if (claim instanceof HubError) return answer("silent", claim);
    if (claim === null) {
      return answer("broken", new HubError("SandboxGone", "the platform has no such sandbox"));
    }
    if (claim.state === "error") {
      const said = claim.reason ?? "error";
      return answer("broken", new HubError("SandboxStartFailed", `the platform says: ${said}`));
    }
    if (RESTING.includes(claim.state)) return answer("broken", null);
    return answer(wayIn === "unseen" ? "silent" : wayIn, wrong);
  }

  async #claim(sandboxId: string, signal: AbortSignal): Promise<Claim | HubError | null> {
    const { provider, board } = this.#desk.deps;
    try {
      const claim = await provider.claim(sandboxId, signal);
      if (claim !== null) board.claimed(claim);
      return claim;
    } catch (error) {
      return toHubError(error);
    }
  }

  /** Asks whether a fresh sandbox works where this one does not; no answer is an answer, too. */
  consultControl(context: SessionContext, signal: AbortSignal): Promise<ControlFound> {
    const { control, clock, policy, ledger, board } = this.#desk.deps;
    return this.#desk.run(context, async () => {
      const silence = {
        verdict: "unknown",
        text: `the control sandbox gave no answer within ${policy.controlMs} ms`,
        at: clock.now(),
        tookMs: policy.controlMs,
      } as const;
      const said = await withDeadline(
        clock,
        policy.controlMs,
        (inner) => control.consult(inner),
        () => new HubError("PlatformTimeout", silence.text),
        signal,
      ).catch((error: unknown) => ({ ...silence, text: toHubError(error).message }));
      ledger.note("control.asked", `${said.verdict}: ${said.text}`, { ...said });
      board.stepped("control", said.verdict === "platform-ok", said.text);
      const broken = said.verdict === "platform-broken";
      const error = new HubError("PlatformBroken", `a fresh sandbox fails, too: ${said.text}`);
      const fault = broken ? faultFrom(error, this.#desk.place(context)) : null;
      return { verdict: said.verdict, fault, at: clock.now() };
    });
  }

  /** Leaves what comes and goes alone for a while; what its driver wrote last is evidence. */
  holdStill(context: SessionContext, signal: AbortSignal): Promise<Launched> {
    const { clock, policy, flaps } = this.#desk.deps;
    return this.#desk.run(context, async () => {
      if (context.held === "driver") await this.#readLastWords(signal);
      flaps.held();
      await sleep(clock, policy.holdMs, signal);
      return { at: clock.now() };
    });
  }

  async #readLastWords(signal: AbortSignal): Promise<void> {
    const { provider, board, ledger } = this.#desk.deps;
    const { driverDir, sandboxId } = ledger.record;
    if (driverDir === null || sandboxId === null) return;
    const { log, output } = driverFiles(driverDir);
    for (const file of [output, log]) {
      try {
        const text = new TextDecoder().decode(await provider.readFile(sandboxId, file, signal));
        const tail = text.trim().slice(-LAST_WORDS_CHARS);
        if (tail !== "") board.stepped("driver's last words", false, tail);
      } catch (error) {
        // Evidence that cannot be had is said, and the reason with it.
        board.stepped("driver's last words", false, `${file}: ${toHubError(error).message}`);
      }
    }
  }

  /** Stops the sandbox, so that the wake that follows starts it afresh on the same files. */
  restartSandbox(context: SessionContext, signal: AbortSignal): Promise<Launched> {
    const { provider, board, ledger, links, clock, control } = this.#desk.deps;
    return this.#desk.run(context, async () => {
      const sandboxId = this.#desk.sandboxId();
      const leftMs = this.#desk.leftMs(context);
      await control.destructive(ledger.record.id, async () => {
        // The control sandbox took its time: what is to be stopped may be gone, or rest, by now.
        const claim = await provider.claim(sandboxId, signal);
        if (claim === null) throw new HubError("SandboxGone", "the platform has no such sandbox");
        board.claimed(claim);
        // Its turn may come when nobody waits for it any more.
        if (signal.aborted) throw new HubError("Interrupted", "its turn came too late");
        const claimed = claim.state;
        const recover = claimed === "error" ? provider.recover?.bind(provider) : undefined;
        const how = recover === undefined ? "stop and start" : "recover";
        ledger.note("sandbox.restarted", `${how}: ${whyOf(context)}`, { sandboxId, how });
        links.drop("suspended");
        if (recover !== undefined) board.claimed(await recover(sandboxId, leftMs, signal));
        else if (!RESTING.includes(claimed)) {
          board.claimed(await provider.stop(sandboxId, leftMs, signal));
        }
        board.stepped("restart", true, how);
      });
      return { at: clock.now() };
    });
  }

  /**
   * Puts the sandbox aside, stopped where it can be stopped, and lets the session ask for another.
   * It is never deleted here: what is unsaved in it may be all that a user has.
   */
  replaceSandbox(context: SessionContext, signal: AbortSignal): Promise<Launched> {
    const { ledger, links, clock, control } = this.#desk.deps;
    return this.#desk.run(context, async () => {
      await control.destructive(ledger.record.id, async () => {
        if (signal.aborted) throw new HubError("Interrupted", "its turn came too late");
        const gone = context.fault?.code === "SandboxGone";
        const stopped = gone ? null : await this.#stopQuietly(signal);
        if (signal.aborted) throw new HubError("Interrupted", "the session moved on meanwhile");
        // Its driver may live on: it must not be taken for the next one's.
        links.drop("removed");
        if (gone) this.#discard();
        else this.#quarantine(context, stopped);
      });
      return { at: clock.now() };
    });
  }

  #discard(): void {
    const { ledger } = this.#desk.deps;
    const { sandboxName, sandboxId } = ledger.record;
    const text = `${sandboxName} is gone: the next sandbox is a fresh one`;
    const change = discardSandbox(ledger.record);
    ledger.note("sandbox.discarded", text, { sandboxName, sandboxId }, change);
  }

  #quarantine(context: SessionContext, refused: HubError | null): void {
    const { ledger, board, clock, policy } = this.#desk.deps;
    const { sandboxName, sandboxId } = ledger.record;
    const until = clock.now() + policy.quarantineMs;
    const why = whyOf(context);
    const still = refused === null ? "stopped" : `not stopped (${refused.message})`;
    const text =
      `${sandboxName} is replaced and kept, ${still}, until ` +
      `${new Date(until).toISOString()}: ${why}`;
    const data = { sandboxName, sandboxId, until, why, stopped: refused === null };
    const code = refused === null ? {} : { code: "SandboxStopStalled" satisfies FaultCode };
    if (refused !== null) board.warned("SandboxStopStalled", text);
    const change = quarantineSandbox(ledger.record, until, why);
    ledger.note("sandbox.quarantined", text, { ...data, ...code }, change);
  }

  async #stopQuietly(signal: AbortSignal): Promise<HubError | null> {
    const { provider, board, ledger } = this.#desk.deps;
    const { sandboxId } = ledger.record;
    if (sandboxId === null || board.claim?.state === "stopped") return null;
    try {
      board.claimed(await provider.stop(sandboxId, STOP_WAIT_MS, signal));
      return null;
    } catch (error) {
      const fault = toHubError(error);
      board.stepped("stop", false, fault.message);
      return fault;
    }
  }
}

/** The sentence of the law that led here; the facts have not changed since the guard asked. */
function whyOf(context: SessionContext): string {
  const { code } = context.fault ?? {};
  return code === undefined ? context.why : `${context.why} (${code})`;
}
