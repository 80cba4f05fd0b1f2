/**
 * I52: each attempt tells once how it ended. I53: what is destructive has evidence: a sandbox that
 * is well, or whose driver answers, is not restarted or replaced. I54: budgets of destructive rungs
 * are those of the policy, over any number of hub lives. I55: what was replaced is kept. I57: a
 * platform that is broken, as its control sandbox says, ends no sandbox.
 */
import { isAtRest } from "../../../hub/session/outcome.ts";
import type { SessionRecord } from "../../../store/facts.ts";
import type { PlatformCall } from "../platform.ts";
import { simPolicy } from "../sim-policy.ts";
import type { Check, Stand, WrittenFact } from "./check.ts";

/** A look, as long as it may be believed, and the way to the rung. */
const EVIDENCE_AGE_MAX_MS = 2 * simPolicy.assessMs + 2_000;

export class LadderChecks implements Check {
  readonly #stand: Stand;
  readonly #ended = new Set<string>();
  /** The attempt in which a control sandbox said that the platform is broken, by session. */
  readonly #platformBroken = new Map<string, number>();
  readonly #climbed = new Map<string, number>();
  /** Real time at which each sandbox last was broken, or nobody could look at it. */
  readonly #unwellAtMs = new Map<string, number>();

  /** The same for what a driver sees from inside. */
  readonly #hurtAtMs = new Map<string, number>();
  /** Sandboxes that were replaced, and the session of each. */
  readonly #kept = new Map<string, string>();

  constructor(stand: Stand) {
    this.#stand = stand;
  }

  afterEvent(nowMs: number): void {
    const { platform, hub } = this.#stand.world;
    const { api, hollow, slowMs } = platform.mood;
    const closed = api !== null || hollow || slowMs > 0;
    const blind = closed || hub === null || hub.process.frozen;
    for (const sandbox of platform.all) {
      if (blind || !sandbox.well) this.#unwellAtMs.set(sandbox.id, nowMs);
      const inside = sandbox.filesystem === "ok" && sandbox.inside === "ok";
      if (!inside) this.#hurtAtMs.set(sandbox.id, nowMs);
    }
  }

  onFact({ event, before, record }: WrittenFact): void {
    if (event.kind === "control.asked" && event.data["verdict"] === "platform-broken") {
      this.#platformBroken.set(record.id, record.attempt);
    }
    if (event.kind === "attempt.ended") this.#onEnd(record, Number(event.data["attempt"]));
    if (event.kind === "sandbox.restarted") this.#onClimb("restart", record.sandboxId, record);
    if (event.kind === "sandbox.quarantined") {
      this.#onClimb("replace", before?.sandboxId ?? null, record);
      const id = before?.sandboxId ?? null;
      if (id !== null) this.#kept.set(id, record.id);
    }
  }

  onCall({ name, target }: PlatformCall): void {
    if (name !== "destroy") return;
    const { platform, store, kernel } = this.#stand.world;
    const id = platform.find(target)?.id ?? target;
    const owner = store.find(this.#kept.get(id) ?? "");
    // No world lasts as long as a quarantine.
    if (owner === null || owner.desired === "ended") return;
    this.#stand.violate("I55", `${owner.name}: ${id}, kept aside, is deleted at ${kernel.now} ms`);
  }

  atEnd(): void {
    for (const record of this.#stand.world.store.load()) {
      const last = isAtRest(record) ? record.attempt : record.attempt - 1;
      for (let attempt = 1; attempt <= last; attempt++) {
        if (this.#ended.has(`${record.id}/${attempt}`)) continue;
        this.#stand.violate("I52", `${record.name}: attempt ${attempt} never told how it ended`);
      }
    }
  }

  #onEnd({ id, name }: SessionRecord, attempt: number): void {
    const key = `${id}/${attempt}`;
    if (this.#ended.has(key)) this.#stand.violate("I52", `${name}: attempt ${attempt} ended twice`);
    this.#ended.add(key);
  }

  #onClimb(rung: "restart" | "replace", sandboxId: string | null, record: SessionRecord): void {
    const { kernel, platform } = this.#stand.world;
    const { id, name, attempt } = record;
    this.#stand.saw(`rung ${rung}`);
    if (this.#platformBroken.get(id) === attempt) {
      this.#stand.violate("I57", `${name}: ${rung} although the platform itself is broken`);
    }
    const key = `${id}/${attempt}/${rung}`;
    const times = (this.#climbed.get(key) ?? 0) + 1;
    this.#climbed.set(key, times);
    const most = rung === "restart" ? simPolicy.restartsMax : simPolicy.replacesMax;
    if (times > most) this.#stand.violate("I54", `${name}: ${rung} ${times} in attempt ${attempt}`);
    const hurtAtMs = this.#hurtAtMs.get(sandboxId ?? "") ?? -Infinity;
    const isHurt = kernel.now - hurtAtMs <= EVIDENCE_AGE_MAX_MS;
    const session = this.#stand.world.sessions.find((one) => one.record.id === id);
    // One that lives in a copy answers for the copy.
    const holder = this.#stand.world.driverOf(id, session?.record.epoch ?? 0);
    const isOwn = holder?.sandboxId === sandboxId;
    if (!isHurt && isOwn && session?.health().evidence.driver.ok === true) {
      this.#stand.violate("I53", `${name}: ${rung} of a sandbox whose driver answers`);
    }
    // Nothing is lost with one that went away between the last look and the act.
    if (!platform.all.some((sandbox) => sandbox.id === sandboxId)) return;
    const wellForMs = kernel.now - (this.#unwellAtMs.get(sandboxId ?? "") ?? 0);
    if (wellForMs <= EVIDENCE_AGE_MAX_MS) return;
    this.#stand.violate("I53", `${name}: ${rung} of a sandbox that is well for ${wellForMs} ms`);
  }
}
