/**
 * What is known of one session right now, in memory: the newest claim, the newest evidence per
 * probe and path, since when the driver is absent. Health is answered from here and waits for
 * nobody.
 *
 * A probe's answer becomes a fact when it is new in its epoch or differs from the last; the rest
 * only moves its time.
 */
import type { FaultCode } from "../../base/faults.ts";
import type { HubError } from "../../base/hub-error.ts";
import { limits } from "../../base/limits.ts";
import type { Clock } from "../../base/clock.ts";
import type { Claim, ClaimState } from "../../providers/provider.ts";
import type { Evidence } from "../../probes/probe.ts";
import { slotName } from "../../probes/verdict.ts";
import { REST_MS } from "../../protocol/rest.ts";
import type { EvidenceItem } from "../../store/facts.ts";
import type { SessionLedger } from "./ledger.ts";

/** What a sandbox is about to be that somebody, or its platform, stops. */
const GOING_TO_REST: readonly ClaimState[] = [
  "stopping",
  "stopped",
  "pausing",
  "paused",
  "archived",
];

/** Clocks that are kept right differ by less; what is above is told, and trusted as little. */
const CLOCK_AHEAD_WARN_MS = 60_000;
/** Work steps that are evidence, too, when something went wrong. */
const STEPS_KEPT_MAX = 12;

/** A driver that rested opens its link within this, also where the machine is busy. */
const BACK_WAIT_MS = 2_000;

/** A sentence that somebody said of himself, and when. */
export interface Said {
  readonly text: string;
  /** Wall ms. */
  readonly at: number;
}

/** It stands still; one that is lost is another hub's, and never goes on here. */
export interface Halt extends Said {
  readonly isLost: boolean;
}

export interface Warning extends Said {
  readonly code: FaultCode;
}

export interface Sayings {
  /** The driver's own word on itself; null before its first hello. */
  readonly driverSays: Said | null;
  readonly warnings: readonly Warning[];
}

export class EvidenceBoard {
  readonly #clock: Clock;
  readonly #ledger: SessionLedger;
  readonly #evidence = new Map<string, Evidence>();
  #claim: Claim | null = null;
  /** Wall ms of the first of the newest claims that say the same. */
  #claimSince: number | null = null;
  /** Why the newest look at the claim got none. */
  #unread: FaultCode | null = null;
  #driverAbsentSince: number | null;
  /** Mono ms until which a driver that was asked to rest may be away for that; null: none was. */
  #restsUntil: number | null = null;
  #driverSays: Said | null = null;
  /** The newest of each code. */
  readonly #warnings = new Map<FaultCode, Warning>();
  #steps: EvidenceItem[] = [];

  /** `absentSince`, wall ms: no driver was there since. */
  constructor(clock: Clock, ledger: SessionLedger, absentSince: number) {
    this.#clock = clock;
    this.#ledger = ledger;
    this.#driverAbsentSince = absentSince;
  }

  get claim(): Claim | null {
    return this.#claim;
  }

  get evidence(): readonly Evidence[] {
    return [...this.#evidence.values()];
  }

  /** The driver of this epoch was shown to live in the sandbox that the platform leads to. */
  isPlaced(epoch: number): boolean {
    return this.evidence.some(
      (item) => item.probe === "sandbox" && item.epoch === epoch && item.ok,
    );
  }

  get driverAbsentSince(): number | null {
    return this.#driverAbsentSince;
  }

  get claimSince(): number | null {
    return this.#claimSince;
  }

  claimed(claim: Claim): void {
    const before = this.#claim;
    this.#claim = this.#ledger.redact(claim);
    if (this.#unread !== null) this.#warnings.delete(this.#unread);
    this.#unread = null;
    this.#judgeClock(claim);
    this.#judgeWord(claim);
    this.#judgeAgreement();
    if (before?.platformState === claim.platformState) return;
    this.#claimSince = claim.at;
    this.#judgeRest(claim.state);
    const text = `platform says ${claim.platformState}${claim.reason === null ? "" : `: ${claim.reason}`}`;
    const stopped = before?.state === "started" && GOING_TO_REST.includes(claim.state);
    const wanted = this.#ledger.record.desired === "connected";
    const code: FaultCode | null =
      claim.state === "unknown"
        ? "PlatformStateUnknown"
        : stopped && wanted
          ? "SandboxStopped"
          : null;
    this.#ledger.note("platform.claimed", text, code === null ? { ...claim } : { ...claim, code });
  }

  /** It came to rest because the hub asked it to: that it is away is no sign of anything. */
  driverRests(): void {
    this.#restsUntil = this.#clock.mono() + REST_MS + BACK_WAIT_MS;
  }

  /** Nothing is inside any more that could come back by itself. */
  restIsOver(): void {
    this.#restsUntil = null;
  }

  /** How long a driver that rests may still do so; 0 when none does. */
  get restLeftMs(): number {
    return Math.max(0, (this.#restsUntil ?? 0) - this.#clock.mono());
  }

  /** A driver counts its rest in time that it runs, and what is stopped keeps no driver. */
  #judgeRest(state: ClaimState): void {
    if (state === "stopped" || state === "archived") this.restIsOver();
    else if (state === "started" && this.#restsUntil !== null) this.driverRests();
  }

  /** What was seen in one look with the newest claim says the opposite; told when it begins. */
  contradicted(text: string): void {
    const isNew = !this.#warnings.has("ClaimContradicted");
    this.warned("ClaimContradicted", text);
    if (isNew) this.#ledger.note("platform.claimed", text, { code: "ClaimContradicted" });
  }

  /** The sandbox is in the platform's listing, as it should be. */
  listed(): void {
    this.#warnings.delete("SandboxUnlisted");
  }

  #judgeWord({ state, platformState }: Claim): void {
    if (state !== "unknown") this.#warnings.delete("PlatformStateUnknown");
    else this.warned("PlatformStateUnknown", `${platformState} is a state that nobody here knows`);
  }

  /** The claim and the driver's presence tell one story again. */
  #judgeAgreement(): void {
    const isHere = this.#driverAbsentSince === null;
    if (isHere === (this.#claim?.state === "started")) this.#warnings.delete("ClaimContradicted");
  }

  /** Nobody said how the sandbox is: the claim that is known only grows older. */
  unclaimed({ code, message }: HubError): void {
    if (this.#unread !== null) this.#warnings.delete(this.#unread);
    this.#unread = code;
    this.warned(code, `what the platform claims could not be read: ${message}`);
    this.stepped("claim", false, message);
  }

  /** A platform's times are compared with each other only: a wrong clock of it breaks nothing. */
  #judgeClock({ updatedAt, at }: Claim): void {
    const aheadMs = updatedAt === null ? 0 : Date.parse(updatedAt) - at;
    if (aheadMs > CLOCK_AHEAD_WARN_MS) {
      const ahead = `${Math.round(aheadMs / 1000)} s`;
      this.warned("PlatformClockWrong", `the platform's clock is ${ahead} ahead of the hub's`);
    } else this.#warnings.delete("PlatformClockWrong");
  }

  answered(evidence: Evidence): void {
    const slot = slotName(evidence);
    this.#judgeLag(evidence);
    const before = this.#evidence.get(slot);
    this.#evidence.set(slot, this.#ledger.redact(evidence));
    const same =
      before?.epoch === evidence.epoch &&
      before.ok === evidence.ok &&
      before.code === evidence.code;
    if (same) return;
    const verb = evidence.ok ? "ok" : "failed";
    const text = `${slot} ${verb} (${evidence.latencyMs} ms): ${evidence.detail}`;
    this.#ledger.note("probe.answered", text, { ...evidence });
  }

  /** A driver that answers late is short of time, and not broken. */
  #judgeLag({ probe, ok, loopLagMs = 0 }: Evidence): void {
    if (probe !== "driver" || !ok) return;
    if (loopLagMs <= limits.LOOP_LAG_WARN_MS) this.#warnings.delete("DriverStarved");
    else this.warned("DriverStarved", `the driver's event loop was ${loopLagMs} ms late`);
  }

  /** What was said of the session beside its evidence; the driver's is of its own hello. */
  get sayings(): Sayings {
    const warnings = [...this.#warnings.values()];
    return { driverSays: this.#driverSays, warnings };
  }

  driverAttached(says: string): void {
    this.#driverAbsentSince = null;
    this.restIsOver();
    this.#driverSays = { text: this.#ledger.redact(says), at: this.#clock.now() };
    this.#judgeAgreement();
  }

  /** Something that breaks nothing now and that an admin should look at. */
  warned(code: FaultCode, text: string): void {
    this.#warnings.set(code, { code, text: this.#ledger.redact(text), at: this.#clock.now() });
  }

  driverDetached(): void {
    this.#driverAbsentSince ??= this.#clock.now();
    this.#judgeAgreement();
  }

  /** A step of the hub's own work, kept as evidence for a fault that may follow. */
  stepped(what: string, ok: boolean, detail: string): void {
    this.#steps.push({ what, ok, at: this.#clock.now(), detail: this.#ledger.redact(detail) });
    if (this.#steps.length > STEPS_KEPT_MAX) this.#steps.shift();
  }

  /** A new attempt is judged by what is seen in it. */
  startAttempt(): void {
    this.#steps = [];
  }

  /** Everything that speaks for or against the session now, oldest first. */
  items(): readonly EvidenceItem[] {
    const claim: EvidenceItem[] =
      this.#claim === null
        ? []
        : [
            {
              what: "claim",
              ok: this.#claim.state === "started",
              at: this.#claim.at,
              detail: `platform says ${this.#claim.platformState}`,
            },
          ];
    const probes = this.evidence.map((item) => ({
      what: slotName(item),
      ok: item.ok,
      at: item.at,
      detail: item.detail,
    }));
    return [...claim, ...this.#steps, ...probes].sort((a, b) => a.at - b.at);
  }
}
