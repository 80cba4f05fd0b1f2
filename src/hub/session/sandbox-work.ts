/**
 * Work on the sandbox itself: request, adopt, wake, pause, remove. Results of platform calls are
 * kept here, not in the machine: one that comes after its attempt ended is cleaned up, not lost.
 */
import { sleep } from "../../base/deadline.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { Claim } from "../../providers/provider.ts";
import { discardSandbox } from "../../store/facts.ts";
import { LABELS } from "../labels.ts";
import type { Launched, SandboxFound } from "./events.ts";
import type { SessionContext } from "./vocabulary.ts";
import type { WorkDesk } from "./work-desk.ts";

/** Cleaning never gives up; this is its slowest pace. */
const CLEAN_EVERY_MAX_MS = 5_000;

export class SandboxWork {
  readonly #desk: WorkDesk;

  constructor(desk: WorkDesk) {
    this.#desk = desk;
  }

  /** Creates the sandbox, or adopts the one of this name that an earlier try left behind. */
  requestSandbox(context: SessionContext, signal: AbortSignal): Promise<SandboxFound> {
    return this.#desk.run(context, () =>
      this.#orDiscard(signal, () => this.#request(context, signal)),
    );
  }

  async #request(context: SessionContext, signal: AbortSignal): Promise<SandboxFound> {
    const { provider, ledger, board, clock, policy, hubId } = this.#desk.deps;
    const { id, name, sandboxName, spec } = ledger.record;
    const found = await provider.claim(sandboxName, signal);
    if (found !== null && found.state !== "error") return this.#adopt(found, context, signal);
    if (found !== null) await this.#destroy(found.sandboxId, signal);
    ledger.note(
      "sandbox.requested",
      `asks ${provider.platform} for ${sandboxName}`,
      { sandboxName, attempt: context.attempt },
      { asked: true },
    );
    const request = {
      name: sandboxName,
      ...(spec.image === undefined ? {} : { image: spec.image }),
      ...(spec.snapshot === undefined ? {} : { snapshot: spec.snapshot }),
      env: spec.env,
      labels: {
        ...spec.labels,
        [LABELS.session]: id,
        [LABELS.name]: name,
        [LABELS.hub]: hubId,
      },
    };
    const waitMs = Math.min(this.#desk.leftMs(context), policy.stallMs);
    const claim = await provider.create(request, waitMs);
    if (signal.aborted) {
      // It came too late for this attempt. A later one that asks for the same name adopts it.
      const { record } = ledger;
      const wanted = record.sandboxName === sandboxName && record.state !== "ended";
      if (!wanted) await this.#destroy(claim.sandboxId);
      throw new HubError("SandboxStartStalled", "the sandbox came after its attempt had ended");
    }
    this.#created(claim);
    board.claimed({ ...claim, at: clock.now() });
    return { sandboxId: claim.sandboxId, at: clock.now() };
  }

  /** Looks for a sandbox whose request or wake got no clear answer, until it is started. */
  async watchSandbox(context: SessionContext, signal: AbortSignal): Promise<SandboxFound> {
    const { provider, ledger, clock } = this.#desk.deps;
    const watch = async (): Promise<SandboxFound> => {
      const { sandboxId, sandboxName } = ledger.record;
      const found = await provider.claim(sandboxId ?? sandboxName, signal);
      if (found !== null) return this.#adopt(found, context, signal);
      await sleep(clock, this.#desk.deps.policy.watchEveryMs, signal);
      return { sandboxId: null, at: clock.now() };
    };
    return this.#desk.run(context, () => this.#orDiscard(signal, watch));
  }

  /** Starts or thaws the sandbox; waits out a change that the platform is still making. */
  async wakeSandbox(context: SessionContext, signal: AbortSignal): Promise<Launched> {
    const { provider, board, clock, policy } = this.#desk.deps;
    return this.#desk.run(context, async () => {
      const sandboxId = this.#desk.sandboxId();
      for (;;) {
        const claim = await this.#claim(sandboxId, signal);
        if (claim.state === "started") return { at: clock.now() };
        if (claim.state === "error" || claim.state === "destroying") {
          const why = claim.reason ?? `it is ${claim.platformState}`;
          throw new HubError("SandboxStartFailed", `the platform cannot start it: ${why}`);
        }
        if (["paused", "stopped", "archived"].includes(claim.state)) {
          const woken = await provider.start(sandboxId, this.#desk.leftMs(context), signal);
          board.claimed(woken);
          board.stepped("wake", true, `asked to start from ${claim.platformState}`);
          return { at: clock.now() };
        }
        await sleep(clock, policy.watchEveryMs, signal);
      }
    });
  }

  /** Stops the sandbox, so that the wake that follows starts it afresh on the same files. */
  async restartSandbox(context: SessionContext, signal: AbortSignal): Promise<Launched> {
    const { provider, board, ledger, links, clock } = this.#desk.deps;
    return this.#desk.run(context, async () => {
      const sandboxId = this.#desk.sandboxId();
      const why = "no driver, and the platform's own way in fails: stop and start";
      ledger.note("sandbox.restarted", why, { sandboxId });
      links.drop("suspended");
      board.claimed(await provider.stop(sandboxId, this.#desk.leftMs(context), signal));
      board.stepped("restart", true, "stopped, to be started again");
      return { at: clock.now() };
    });
  }

  async pauseSandbox(context: SessionContext, signal: AbortSignal): Promise<Launched> {
    const { provider, board, links, clock } = this.#desk.deps;
    return this.#desk.run(context, async () => {
      board.claimed(
        await provider.pause(this.#desk.sandboxId(), this.#desk.leftMs(context), signal),
      );
      links.drop("suspended");
      return { at: clock.now() };
    });
  }

  /** Deletes the sandbox and does not rest before it is gone. */
  async removeSandbox(context: SessionContext, signal: AbortSignal): Promise<Launched> {
    const { ledger, links, clock } = this.#desk.deps;
    return this.#desk.run(context, async () => {
      links.drop("removed");
      const { sandboxId, sandboxName, asked, litter } = ledger.record;
      for (const name of litter) await this.#destroy(name, signal);
      if (asked) await this.#destroy(sandboxId ?? sandboxName, signal);
      if (asked && sandboxId === null) {
        // A create may still be under way at the platform: look once more before believing it.
        await sleep(clock, CLEAN_EVERY_MAX_MS / 2, signal);
        await this.#destroy(sandboxName, signal);
      }
      const text = "the platform has no such sandbox any more";
      ledger.note("sandbox.deleted", text, {}, { litter: [] });
      return { at: clock.now() };
    });
  }

  async #adopt(found: Claim, context: SessionContext, signal: AbortSignal): Promise<SandboxFound> {
    const { provider, board, clock, policy } = this.#desk.deps;
    let claim = found;
    const progress = { mark: progressOf(claim), since: clock.mono() };
    for (;;) {
      board.claimed(claim);
      if (progress.mark !== progressOf(claim)) {
        progress.mark = progressOf(claim);
        progress.since = clock.mono();
      }
      if (claim.state === "started") break;
      if (claim.state === "error") {
        throw new HubError("SandboxStartFailed", `the platform says: ${claim.reason ?? "error"}`);
      }
      if (["paused", "stopped", "archived"].includes(claim.state)) {
        claim = await provider.start(claim.sandboxId, this.#desk.leftMs(context), signal);
        continue;
      }
      const stuckMs = Math.round(clock.mono() - progress.since);
      if (stuckMs >= policy.stallMs) {
        throw new HubError(
          "SandboxStartStalled",
          `it is ${claim.platformState} without any change for ${stuckMs} ms`,
        );
      }
      await sleep(clock, policy.watchEveryMs, signal);
      claim = await this.#claim(claim.sandboxId, signal);
    }
    this.#created(claim);
    return { sandboxId: claim.sandboxId, at: clock.now() };
  }

  /** A sandbox that did not come up is given up by name; the next try gets another. */
  async #orDiscard<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const { ledger } = this.#desk.deps;
    try {
      return await work();
    } catch (error) {
      const fault = toHubError(error);
      const useless = fault.code === "SandboxStartFailed" || fault.code === "SandboxStartStalled";
      if (useless && !signal.aborted && ledger.record.state === "creating") {
        const { sandboxName } = ledger.record;
        ledger.note(
          "sandbox.discarded",
          `${sandboxName} is given up: ${fault.message}`,
          { sandboxName, code: fault.code },
          discardSandbox(ledger.record),
        );
      }
      throw error;
    }
  }

  #created(claim: Claim): void {
    const { ledger } = this.#desk.deps;
    if (ledger.record.sandboxId === claim.sandboxId) return;
    ledger.note(
      "sandbox.created",
      `sandbox ${claim.sandboxId}`,
      { sandboxId: claim.sandboxId },
      { sandboxId: claim.sandboxId, asked: true },
    );
  }

  async #claim(sandboxId: string, signal: AbortSignal): Promise<Claim> {
    const claim = await this.#desk.deps.provider.claim(sandboxId, signal);
    if (claim === null) throw new HubError("SandboxGone", "the platform has no such sandbox");
    this.#desk.deps.board.claimed(claim);
    return claim;
  }

  async #destroy(idOrName: string, signal?: AbortSignal): Promise<void> {
    const { provider, clock, log } = this.#desk.deps;
    let waitMs = 100;
    for (;;) {
      try {
        if (await provider.destroy(idOrName, signal)) return;
      } catch (error) {
        // 409 while the platform is busy, or no answer: deleting is repeated until it is true.
        log.warn({ idOrName, error: toHubError(error).message }, "sandbox not deleted yet");
        if (toHubError(error).kind.retry === "never" && signal?.aborted === true) throw error;
      }
      await sleep(clock, waitMs, signal);
      waitMs = Math.min(CLEAN_EVERY_MAX_MS, waitMs * 2);
    }
  }
}

/** What a platform that works on a sandbox changes. */
function progressOf(claim: Claim): string {
  return `${claim.platformState} ${claim.updatedAt ?? ""}`;
}
