/**
 * Work of a start: ask for a sandbox, adopt one whose answer was lost, activate a snapshot, give up
 * what did not come. Results of platform calls are kept here, not in the machine: one that comes
 * after its attempt ended is cleaned up, not lost. What follows a failure is start-law.ts.
 */
import { sleep } from "../../base/deadline.ts";
import type { FaultCode } from "../../base/faults.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { Claim, SandboxRequest } from "../../providers/provider.ts";
import { discardSandbox, type SessionFault, type StartSource } from "../../store/facts.ts";
import { LABELS } from "../labels.ts";
import { activateSnapshot } from "./activate-snapshot.ts";
import { clearAway } from "./clear-away.ts";
import type { Launched, SandboxFound } from "./events.ts";
import { StallWatch } from "./stall-watch.ts";
import { askedSource, fallbackImage, sayAsked } from "./start-law.ts";
import type { SessionContext } from "./vocabulary.ts";
import type { WorkDesk } from "./work-desk.ts";

/** A create that was taken and not answered may show up late. */
const LOST_LOOK_MS = 5_000;
/** Said of a request before anything was made of it. */
const REFUSED: readonly FaultCode[] = ["SnapshotInactive", "SnapshotMissing"];

export class StartWork {
  readonly #desk: WorkDesk;
  constructor(desk: WorkDesk) {
    this.#desk = desk;
  }

  /** Creates the sandbox, or adopts the one of this name that an earlier try left behind. */
  requestSandbox(context: SessionContext, signal: AbortSignal): Promise<SandboxFound> {
    return this.#desk.run(context, async () => {
      const { provider, ledger } = this.#desk.deps;
      const found = await provider.claim(ledger.record.sandboxName, signal);
      return found === null ? this.#create(context, signal) : this.#adopt(found, context, signal);
    });
  }

  /** Looks for a sandbox whose request or wake got no clear answer, until it is started. */
  watchSandbox(context: SessionContext, signal: AbortSignal): Promise<SandboxFound> {
    return this.#desk.run(context, async () => {
      const { provider, ledger, clock, policy } = this.#desk.deps;
      const { sandboxId, sandboxName } = ledger.record;
      const untilMono = clock.mono() + (sandboxId === null ? LOST_LOOK_MS : 0);
      for (;;) {
        const found = await provider.claim(sandboxId ?? sandboxName, signal);
        if (found !== null) return this.#adopt(found, context, signal);
        await sleep(clock, policy.watchEveryMs, signal);
        if (clock.mono() >= untilMono) return { sandboxId: null, at: clock.now() };
      }
    });
  }

  activateSnapshot(context: SessionContext, signal: AbortSignal): Promise<Launched> {
    return this.#desk.run(context, () => activateSnapshot(this.#desk, context, signal));
  }

  /** The current sandbox did not come up: the janitor deletes it, and the next has another name. */
  giveUp(why: Pick<SessionFault, "code" | "message"> | null): void {
    const { ledger, links } = this.#desk.deps;
    const { record } = ledger;
    if (!record.asked || record.state === "ended") return;
    const { sandboxName } = record;
    const said = why === null ? "" : `: ${why.message}`;
    ledger.note(
      "sandbox.discarded",
      `${sandboxName} is given up${said}`,
      { sandboxName, code: why?.code ?? null },
      discardSandbox(record),
    );
    // Its driver may be here already: it must not be taken for the next one's.
    links.drop("removed");
  }

  async #create(context: SessionContext, signal: AbortSignal): Promise<SandboxFound> {
    const { provider, ledger, clock } = this.#desk.deps;
    const source = this.#source(context);
    const request = this.#requestFrom(source);
    const sandboxName = request.name;
    ledger.note(
      "sandbox.requested",
      `asks ${provider.platform} for ${sandboxName}`,
      { sandboxName, attempt: context.attempt, source: source.kind, from: source.name },
      { asked: true, source },
    );
    this.#desk.asked = { sandboxName, atMono: clock.mono() };
    const waitMs = this.#desk.holdMs(context);
    const claim = await provider.create(request, waitMs).catch(async (error: unknown) => {
      throw await this.#explained(toHubError(error), source, signal);
    });
    if (signal.aborted) {
      // It came too late for this attempt. A later one that asks for the same name adopts it.
      const { record } = ledger;
      const wanted = record.sandboxName === sandboxName && record.state !== "ended";
      if (!wanted && !this.#isTaken(claim)) await clearAway(this.#desk.deps, claim.sandboxId);
      throw new HubError("SandboxStartStalled", "the sandbox came after its attempt had ended");
    }
    return this.#take(claim);
  }

  #requestFrom(source: StartSource): SandboxRequest {
    const { ledger, hubId } = this.#desk.deps;
    const { id, name, sandboxName, spec } = ledger.record;
    const isImage = source.kind === "image" || source.kind === "image-fallback";
    const from = source.name === null ? {} : { [isImage ? "image" : "snapshot"]: source.name };
    return {
      name: sandboxName,
      ...from,
      env: spec.env,
      labels: {
        ...spec.labels,
        [LABELS.session]: id,
        [LABELS.name]: name,
        [LABELS.hub]: hubId,
      },
    };
  }

  /** What this try starts from. Falling back is a fact of its own before anything is asked for. */
  #source(context: SessionContext): StartSource {
    const { ledger, board, log, policy } = this.#desk.deps;
    const { spec, source, name } = ledger.record;
    if (!context.starts.fellBack) return askedSource(spec);
    if (source?.kind === "image-fallback") return source;
    const image = fallbackImage(spec, policy);
    const because = context.fault?.message ?? "its snapshot cannot be used";
    const code = context.fault?.code ?? null;
    const chosen: StartSource = { kind: "image-fallback", name: image, because };
    const text = `starts from image ${image ?? ""} instead of ${sayAsked(spec)}: ${because}`;
    ledger.note(
      "start.fellBack",
      text,
      { image, asked: askedSource(spec), code },
      { source: chosen },
    );
    board.stepped("fall back", true, text);
    log.warn({ session: ledger.record.id, name, image, code }, text);
    return chosen;
  }

  /** A create that failed, with what the platform shows of it. */
  async #explained(error: HubError, source: StartSource, signal: AbortSignal): Promise<HubError> {
    const { ledger, provider } = this.#desk.deps;
    const { sandboxName, spec } = ledger.record;
    if (REFUSED.includes(error.code)) {
      const text = `the platform made nothing: ${error.message}`;
      ledger.note("sandbox.refused", text, { sandboxName, code: error.code }, { asked: false });
    }
    if (error.code === "ImageBuildFailed" && !signal.aborted) {
      // Who it is was not in the answer; without it there is no log, and the fault stays as it is.
      const found = await provider.claim(sandboxName, signal).catch(() => null);
      if (found !== null) await this.#died(found, signal);
    }
    if (source.kind !== "image-fallback") return error;
    const replaced = `${sayAsked(spec)} (${source.because ?? ""})`;
    const instead = `image ${source.name ?? ""} was to replace ${replaced}`;
    return new HubError(error.code, `${error.message}; ${instead}`, {
      cause: error,
      hint: error.hint,
      outcomeUnknown: error.outcomeUnknown,
      ...(error.raw === undefined ? {} : { raw: error.raw }),
    });
  }

  /** A sandbox in error, as a fault; of a build that failed the end of its log is evidence. */
  async #died(claim: Claim, signal: AbortSignal): Promise<HubError> {
    const { provider, board } = this.#desk.deps;
    board.claimed(claim);
    const code = claim.failure ?? "SandboxStartFailed";
    if (code === "ImageBuildFailed") {
      const log = await provider
        .buildLog(claim.sandboxId, signal)
        .catch((error: unknown) => toHubError(error).message);
      board.stepped("build log", false, log ?? "the platform keeps no log of the build");
    }
    return new HubError(code, `the platform says: ${claim.reason ?? claim.platformState}`);
  }

  async #adopt(found: Claim, context: SessionContext, signal: AbortSignal): Promise<SandboxFound> {
    const { provider, board, clock, policy, ledger } = this.#desk.deps;
    const { sandboxName } = ledger.record;
    const { asked } = this.#desk;
    const askedMono = asked?.sandboxName === sandboxName ? asked.atMono : null;
    const watch = new StallWatch(clock, policy, askedMono);
    for (let claim: Claim = found; ;) {
      // Its attempt may be over, and have given this sandbox up: it is for whoever asks next.
      signal.throwIfAborted();
      board.claimed(claim);
      if (claim.state === "started") return this.#take(claim);
      if (claim.state === "error") throw await this.#died(claim, signal);
      if (claim.state === "destroying") {
        throw new HubError("SandboxGone", `it is ${claim.platformState}`);
      }
      if (["paused", "stopped", "archived"].includes(claim.state)) {
        claim = await provider.start(claim.sandboxId, this.#desk.holdMs(context), signal);
        continue;
      }
      watch.look(claim);
      await sleep(clock, policy.watchEveryMs, signal);
      const next = await provider.claim(claim.sandboxId, signal);
      if (next === null) throw new HubError("SandboxGone", "the platform has no such sandbox");
      claim = next;
    }
  }

  #take(claim: Claim): SandboxFound {
    const { ledger, board, clock } = this.#desk.deps;
    const { sandboxId } = claim;
    if (this.#isTaken(claim)) {
      const said = `the platform answers with sandbox ${sandboxId}, which another session has`;
      throw new HubError("PlatformAnswerInvalid", said);
    }
    if (ledger.record.sandboxId !== sandboxId) {
      const change = { sandboxId, asked: true };
      ledger.note("sandbox.created", `sandbox ${sandboxId}`, { sandboxId }, change);
    }
    board.claimed({ ...claim, at: clock.now() });
    // A later wake has a clock of its own.
    this.#desk.asked = null;
    return { sandboxId, at: clock.now() };
  }

  #isTaken({ sandboxId }: Claim): boolean {
    return this.#desk.deps.isTaken(sandboxId);
  }
}
