/**
 * I4: two drivers of one session may meet, but not stay, and the one that answers keeps it. I5:
 * epochs go up, and each is given to one driver.
 */
import { limits } from "../../../base/limits.ts";
import type { SessionRecord } from "../../../store/facts.ts";
import type { SimDriver } from "../driver.ts";
import type { Check, Stand, WrittenFact } from "./check.ts";

/** A driver on a link that went silent believes in it for DRIVER_DEAD_MS. */
const TWINS_MAX_MS = limits.DRIVER_DEAD_MS + 4_000;

/** Longer than a driver that is asked whether it is there may take. */
const ANSWER_MS = 2_000;

export class EpochChecks implements Check {
  readonly #stand: Stand;
  readonly #holders = new Map<string, SimDriver>();
  /** The epoch of the driver that a hub has, by session. */
  readonly #attached = new Map<string, number>();
  readonly #twinsSince = new Map<string, number>();

  constructor(stand: Stand) {
    this.#stand = stand;
  }

  onFact({ event, before, record }: WrittenFact): void {
    if (before === null) return;
    // A hub that has lost a driver takes it from nobody.
    const held = this.#attached.get(record.id) === before.epoch;
    if (record.epoch > before.epoch && held) this.#checkTakeover(before, record);
    if (event.kind === "driver.attached") this.#attached.set(record.id, record.epoch);
    if (event.kind === "driver.detached") this.#attached.delete(record.id);
    if (record.epoch < before.epoch || record.epochIssued < before.epochIssued) {
      this.#stand.violate("I5", `${record.name}: epoch went back`);
    }
  }

  /** The next hub has no driver yet, and takes the session from nobody. */
  onHubKilled(): void {
    this.#attached.clear();
  }

  onEpoch(driver: SimDriver, epoch: number): void {
    const key = `${driver.session}/${epoch}`;
    const holder = this.#holders.get(key);
    this.#holders.set(key, driver);
    if (holder === undefined || holder === driver) return;
    this.#stand.violate("I5", `two drivers were given the epoch ${key}`);
  }

  /** Nobody takes a session from a driver that answers, but for one that the hub asked for. */
  #checkTakeover(before: SessionRecord, record: SessionRecord): void {
    const { world } = this.#stand;
    const newcomer = world.driverOf(record.id, record.epoch);
    const holder = world.driverOf(record.id, before.epoch);
    if (newcomer === null || holder === null || newcomer === holder || newcomer.wanted) return;
    // One that dials anew had lost its link, though the store refused to keep that.
    if (holder.epoch !== before.epoch) return;
    if (!world.answers(holder, ANSWER_MS)) return;
    this.#stand.violate("I4", `${record.name} was taken from a driver that answers`);
  }

  afterEvent(nowMs: number): void {
    for (const drivers of this.#stand.world.drivers.values()) {
      if (drivers.size > 1) this.#checkTwins(drivers, nowMs);
    }
    for (const session of this.#twinsSince.keys()) {
      const left = this.#stand.world.drivers.get(session)?.size ?? 0;
      if (left < 2) this.#twinsSince.delete(session);
    }
  }

  #checkTwins(drivers: ReadonlySet<SimDriver>, nowMs: number): void {
    let live = 0;
    let session = "";
    for (const driver of drivers) {
      ({ session } = driver);
      const { frozen, late } = driver.process;
      // Who stands still, or is behind, learns that it was superseded when it comes to it.
      if (!frozen && !late && driver.live) live += 1;
    }
    if (live < 2) {
      this.#twinsSince.delete(session);
      return;
    }
    const sinceMs = nowMs - (this.#twinsSince.get(session) ?? nowMs);
    if (!this.#twinsSince.has(session)) this.#twinsSince.set(session, nowMs);
    if (sinceMs <= TWINS_MAX_MS) return;
    this.#stand.violate("I4", `${live} drivers of ${session} live for ${sinceMs} ms`);
    this.#twinsSince.delete(session);
  }
}
