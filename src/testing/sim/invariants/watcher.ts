/**
 * Watches one world from outside, with the ground truth that no part of Holdfast has: hands every
 * fact, call and event to the checks, which hold what must be true whatever breaks. The numbers
 * are those of the invariants in docs/SPEC.md.
 */
import type { Session } from "../../../hub/session/session.ts";
import type { SessionRecord } from "../../../store/facts.ts";
import type { World } from "../world.ts";
import type { Check, Stand, Violation, WrittenFact } from "./check.ts";
import { EpochChecks } from "./epoch-checks.ts";
import { FaultChecks } from "./fault-checks.ts";
import { HonestyChecks } from "./honesty-checks.ts";
import { LadderChecks } from "./ladder-checks.ts";
import { ProofChecks } from "./proof-checks.ts";
import { ReachChecks } from "./reach-checks.ts";
import { SandboxChecks } from "./sandbox-checks.ts";
import { SettledChecks } from "./settled-checks.ts";
import { StoreChecks } from "./store-checks.ts";
import { TimeChecks } from "./time-checks.ts";

export class Watcher implements Stand {
  readonly world: World;
  readonly violations: Violation[] = [];
  /** States, facts and outcomes that were reached at least once. */
  readonly sometimes = new Set<string>();
  hubDownMs = 0;
  readonly #checks: readonly Check[];
  readonly #timed: readonly Check[];
  /** Sessions with facts in the event that runs, and their records from before it. */
  readonly #changed = new Map<string, SessionRecord | null>();
  #checkedAtMs = 0;

  constructor(world: World) {
    this.world = world;
    this.#checks = [
      new ReachChecks(this),
      new ProofChecks(this),
      new EpochChecks(this),
      new TimeChecks(this),
      new SandboxChecks(this),
      new FaultChecks(this),
      new HonestyChecks(this),
      new LadderChecks(this),
      new SettledChecks(this),
      new StoreChecks(this),
    ];
    this.#timed = this.#checks.filter((check) => check.afterEvent !== undefined);
    world.store.onAppend = (before, record, event) => this.#fact({ before, record, event });
    world.platform.onCall = (call) => {
      for (const check of this.#checks) check.onCall?.(call);
    };
    world.onHubKilled = () => {
      for (const check of this.#checks) check.onHubKilled?.();
    };
    world.onFault = (kind) => {
      for (const check of this.#checks) check.onFault?.(kind);
    };
    world.onEpoch = (driver, epoch) => {
      for (const check of this.#checks) check.onEpoch?.(driver, epoch);
    };
  }

  /** After every event. */
  check(): void {
    const { kernel, hub } = this.world;
    const { now } = kernel;
    const still = (hub?.sessions.storeTrouble ?? null) !== null;
    if (hub === null || hub.process.frozen || still) this.hubDownMs += now - this.#checkedAtMs;
    this.#checkedAtMs = now;
    for (const check of this.#timed) check.afterEvent?.(now);
    if (this.#changed.size > 0) this.#checkChanged();
  }

  /** Once the world had time to settle. */
  checkSettled(): void {
    for (const check of this.#checks) check.atEnd?.();
  }

  violate(invariant: string, text: string): void {
    this.violations.push({ invariant, atMs: Math.round(this.world.kernel.now), text });
  }

  saw(what: string): void {
    this.sometimes.add(what);
  }

  #fact(fact: WrittenFact): void {
    const { before, record } = fact;
    if (!this.#changed.has(record.id)) this.#changed.set(record.id, before);
    for (const check of this.#checks) check.onFact?.(fact);
  }

  #checkChanged(): void {
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const [id, before] of changed) {
      const session = this.#find(id);
      if (session === null) continue;
      for (const check of this.#checks) check.onChanged?.(session, before);
    }
  }

  #find(id: string): Session | null {
    return this.world.sessions.find(({ record }) => record.id === id) ?? null;
  }
}
