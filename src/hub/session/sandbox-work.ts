/** Work on a sandbox that is there: wake, stop and start, pause, remove. */
import { sleep } from "../../base/deadline.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import { REST_WAIT_MS } from "../../protocol/rest.ts";
import type { Claim } from "../../providers/provider.ts";
import { CLEAN_EVERY_MAX_MS, clearAway } from "./clear-away.ts";
import type { Launched } from "./events.ts";
import { textOf } from "./quiesced.ts";
import { StallWatch } from "./stall-watch.ts";
import type { SessionContext } from "./vocabulary.ts";
import type { WorkDesk } from "./work-desk.ts";

export class SandboxWork {
  readonly #desk: WorkDesk;

  constructor(desk: WorkDesk) {
    this.#desk = desk;
  }

  /** Starts or thaws the sandbox; waits out a change that the platform is still making. */
  async wakeSandbox(context: SessionContext, signal: AbortSignal): Promise<Launched> {
    const { provider, board, clock, policy, ledger } = this.#desk.deps;
    return this.#desk.run(context, async () => {
      const sandboxId = this.#desk.sandboxId();
      const watch = new StallWatch(clock, policy, null);
      for (;;) {
        const claim = await this.#claim(sandboxId, signal);
        if (claim.state === "started") return { at: clock.now() };
        if (claim.state === "error" || claim.state === "destroying") {
          const why = claim.reason ?? `it is ${claim.platformState}`;
          const code = claim.failure ?? "SandboxStartFailed";
          throw new HubError(code, `the platform cannot start it: ${why}`);
        }
        if (["paused", "stopped", "archived"].includes(claim.state)) {
          const { sandboxName } = ledger.record;
          this.#desk.asked = { sandboxName, atMono: clock.mono() };
          const woken = await provider.start(sandboxId, this.#desk.holdMs(context), signal);
          board.claimed(woken);
          board.stepped("wake", true, `asked to start from ${claim.platformState}`);
          this.#desk.asked = null;
          return { at: clock.now() };
        }
        watch.look(claim);
        await sleep(clock, policy.watchEveryMs, signal);
      }
    });
  }

  async pauseSandbox(context: SessionContext, signal: AbortSignal): Promise<Launched> {
    const { provider, board, links, clock } = this.#desk.deps;
    return this.#desk.run(context, async () => {
      const sandboxId = this.#desk.sandboxId();
      await this.#quiesce(context, signal);
      const paused = await provider
        .pause(sandboxId, this.#desk.leftMs(context), signal)
        .catch((error: unknown) => this.#pausedAllTheSame(sandboxId, toHubError(error), signal));
      board.claimed(paused);
      links.drop("suspended");
      return { at: clock.now() };
    });
  }

  /**
   * Nothing is under way between clients and the sandbox when it is paused. What cannot come to
   * rest is paused all the same: whatever clients lack is kept inside, and told here.
   */
  async #quiesce(context: SessionContext, signal: AbortSignal): Promise<void> {
    const { ledger, links, board } = this.#desk.deps;
    const waitMs = Math.min(REST_WAIT_MS, this.#desk.leftMs(context) / 2);
    const how = await links.quiesce(Math.round(waitMs));
    if (how?.kind === "quiet" || how?.kind === "late") board.driverRests();
    if (how !== null) ledger.tryNote("driver.quiesced", textOf(how), { ...how });
    signal.throwIfAborted();
  }

  /** A pause without a clear answer may have been made: waking the sandbox would undo it. */
  async #pausedAllTheSame(sandboxId: string, fault: HubError, signal: AbortSignal): Promise<Claim> {
    const { clock, policy } = this.#desk.deps;
    if (!fault.outcomeUnknown || signal.aborted) throw fault;
    for (;;) {
      const claim = await this.#claim(sandboxId, signal);
      if (claim.state === "paused") return claim;
      if (claim.state !== "pausing") throw fault;
      await sleep(clock, policy.watchEveryMs, signal);
    }
  }

  /** Deletes the sandbox and does not rest before it is gone. */
  async removeSandbox(context: SessionContext, signal: AbortSignal): Promise<Launched> {
    const { ledger, links, clock } = this.#desk.deps;
    return this.#desk.run(context, async () => {
      links.drop("removed");
      const { sandboxId, sandboxName, asked, litter, quarantine } = ledger.record;
      for (const name of litter) await clearAway(this.#desk.deps, name, signal);
      for (const kept of quarantine) {
        await clearAway(this.#desk.deps, kept.sandboxId ?? kept.sandboxName, signal);
      }
      if (asked) await clearAway(this.#desk.deps, sandboxId ?? sandboxName, signal);
      if (asked && sandboxId === null) {
        // A create may still be under way at the platform: look once more before believing it.
        await sleep(clock, CLEAN_EVERY_MAX_MS / 2, signal);
        await clearAway(this.#desk.deps, sandboxName, signal);
      }
      const text = "the platform has no such sandbox any more";
      ledger.note("sandbox.deleted", text, {}, { litter: [], quarantine: [] });
      return { at: clock.now() };
    });
  }

  async #claim(sandboxId: string, signal: AbortSignal): Promise<Claim> {
    const claim = await this.#desk.deps.provider.claim(sandboxId, signal);
    if (claim === null) throw new HubError("SandboxGone", "the platform has no such sandbox");
    this.#desk.deps.board.claimed(claim);
    return claim;
  }
}
