/**
 * Work on the sandbox itself: request, adopt, wake, pause, remove. Results of platform calls are
 * kept here, not in the machine: one that comes after its attempt ended is cleaned up, not lost.
 */
import { sleep } from "../../base/deadline.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { Claim } from "../../providers/provider.ts";
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
  async requestSandbox(context: SessionContext, signal: AbortSignal): Promise<SandboxFound> {
    const { provider, ledger, board, clock, hubId } = this.#desk.deps;
    const { id, name, sandboxName, spec } = ledger.record;
    return this.#desk.run(context, async () => {
      const found = await provider.claim(sandboxName, signal);
      if (found !== null && found.state !== "error") return this.#adopt(found, context, signal);
      if (found !== null) await this.#destroy(found.sandboxId, signal);
      ledger.note("sandbox.requested", `asks ${provider.platform} for ${sandboxName}`, {
        sandboxName,
        attempt: context.attempt,
      });
      const request = {
        name: sandboxName,
        ...(spec.image === undefined ? {} : { image: spec.image }),
        ...(spec.snapshot === undefined ? {} : { snapshot: spec.snapshot }),
        env: spec.env,
        labels: {
          ...spec.labels,
          "holdfast/session": id,
          "holdfast/name": name,
          "holdfast/hub": hubId,
        },
      };
      const creating = provider.create(request, this.#desk.leftMs(context));
      const claim = await creating;
      if (signal.aborted) {
        // The session was removed or its time ran out meanwhile: nobody waits for this sandbox.
        await this.#destroy(claim.sandboxId);
        throw new HubError("SandboxStartStalled", "the sandbox came too late and was removed");
      }
      this.#created(claim);
      board.claimed({ ...claim, at: clock.now() });
      return { sandboxId: claim.sandboxId, at: clock.now() };
    });
  }

  /** Looks for a sandbox whose request or wake got no clear answer, until it is started. */
  async watchSandbox(context: SessionContext, signal: AbortSignal): Promise<SandboxFound> {
    const { provider, ledger, clock } = this.#desk.deps;
    return this.#desk.run(context, async () => {
      const found = await provider.claim(
        ledger.record.sandboxId ?? ledger.record.sandboxName,
        signal,
      );
      if (found === null) {
        await sleep(clock, this.#desk.deps.policy.watchEveryMs, signal);
        return { sandboxId: null, at: clock.now() };
      }
      return this.#adopt(found, context, signal);
    });
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
      const { sandboxId, sandboxName } = ledger.record;
      await this.#destroy(sandboxId ?? sandboxName, signal);
      if (sandboxId === null) {
        // A create may still be under way at the platform: look once more before believing it.
        await sleep(clock, CLEAN_EVERY_MAX_MS / 2, signal);
        await this.#destroy(sandboxName, signal);
      }
      ledger.note("sandbox.deleted", "the platform has no such sandbox any more", {});
      return { at: clock.now() };
    });
  }

  async #adopt(found: Claim, context: SessionContext, signal: AbortSignal): Promise<SandboxFound> {
    const { provider, board, clock, policy } = this.#desk.deps;
    let claim = found;
    for (;;) {
      board.claimed(claim);
      if (claim.state === "started") break;
      if (claim.state === "error") {
        throw new HubError("SandboxStartFailed", `the platform says: ${claim.reason ?? "error"}`);
      }
      if (["paused", "stopped", "archived"].includes(claim.state)) {
        claim = await provider.start(claim.sandboxId, this.#desk.leftMs(context), signal);
        continue;
      }
      await sleep(clock, policy.watchEveryMs, signal);
      claim = await this.#claim(claim.sandboxId, signal);
    }
    this.#created(claim);
    return { sandboxId: claim.sandboxId, at: clock.now() };
  }

  #created(claim: Claim): void {
    const { ledger } = this.#desk.deps;
    if (ledger.record.sandboxId === claim.sandboxId) return;
    ledger.note(
      "sandbox.created",
      `sandbox ${claim.sandboxId}`,
      { sandboxId: claim.sandboxId },
      { sandboxId: claim.sandboxId },
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
