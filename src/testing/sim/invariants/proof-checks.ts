/**
 * I1, I2, I3: connected is what it promises, in the real world. I26: a connected session is left
 * alone. I51: a suspended one does not run.
 */
import type { Session } from "../../../hub/session/session.ts";
import type { SessionRecord } from "../../../store/facts.ts";
import type { PlatformCall } from "../platform.ts";
import type { Check, Stand } from "./check.ts";

/** A proof may be this old when it counts: one probe's own deadline and the way back. */
const PROOF_AGE_MAX_MS = 6_000;

export class ProofChecks implements Check {
  readonly #stand: Stand;
  /** By session: how long its sandbox was not well, when it was decided that it is connected. */
  readonly #unwellMs = new Map<string, number>();

  constructor(stand: Stand) {
    this.#stand = stand;
    // A hub may be frozen between the decision and its fact; the fact has the time of the decision.
    stand.world.store.onDecided = (before, next) => {
      if (next.state !== "connected" || before.state === "connected") return;
      const sandbox = stand.world.platform.known(next.sandboxId ?? "");
      const wellAtMs = sandbox?.wellAtMs ?? -Infinity;
      const { now } = stand.world.kernel;
      this.#unwellMs.set(next.id, sandbox?.well === true ? 0 : now - wellAtMs);
    };
  }

  /** Keeps the real time at which each sandbox last was all that a connected session promises. */
  afterEvent(nowMs: number): void {
    for (const sandbox of this.#stand.world.platform.all) {
      if (sandbox.well) sandbox.wellAtMs = nowMs;
    }
  }

  onCall({ name, target, detail }: PlatformCall): void {
    if (name !== "exec" || !detail.includes("kill -USR1")) return;
    const { sessions } = this.#stand.world;
    const session = sessions.find(({ record }) => record.sandboxId === target);
    if (session?.record.state !== "connected") return;
    this.#stand.violate("I26", `${session.record.name} is connected and was nudged`);
  }

  onChanged(session: Session, before: SessionRecord | null): void {
    const { record } = session;
    // What stands still says so, and is proven again before anything else.
    if (record.state === "connected" && session.halted === null) {
      if (before?.state !== "connected") this.#checkProof(session);
      if (session.route?.epoch !== record.epoch) {
        this.#stand.violate("I1", `${record.name} is connected without the driver of its epoch`);
      }
    }
    if (record.detail === "suspended.paused") this.#checkPaused(record);
  }

  #checkProof(session: Session): void {
    const { record } = session;
    const { name } = record;
    const { driverOf } = this.#stand.world;
    this.#stand.saw("connected");
    if (record.attempt > 1) this.#stand.saw("connected again");
    const ageMs = this.#unwellMs.get(record.id) ?? Infinity;
    if (ageMs > PROOF_AGE_MAX_MS) {
      this.#stand.violate("I2", `${name} is connected; its sandbox was not well for ${ageMs} ms`);
    }
    const holder = driverOf(record.id, record.epoch);
    if (holder === null) {
      this.#stand.violate("I1", `${name}: no driver ever held epoch ${record.epoch}`);
    } else if (holder.sandboxId !== record.sandboxId) {
      const [own, other] = [record.sandboxId ?? "none", holder.sandboxId];
      this.#stand.violate("I3", `${name} is connected to ${own}, and its driver lives in ${other}`);
    }
    for (const [probe, seen] of Object.entries(session.health().evidence)) {
      if (seen.ok === true) continue;
      this.#stand.violate("I2", `${name} is connected, ${probe} is not ok`);
    }
  }

  /** Suspended is a promise, too: nothing of the sandbox runs, so nothing of it is paid for. */
  #checkPaused(record: SessionRecord): void {
    const sandbox = this.#stand.world.platform.find(record.sandboxId ?? "");
    if (sandbox?.state !== "started" || sandbox.isStray) return;
    this.#stand.violate("I51", `${record.name} is suspended and its sandbox runs`);
  }
}
