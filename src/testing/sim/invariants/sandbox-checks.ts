/**
 * I15: an intent is durable before a sandbox is asked for. I17: in the end nothing belongs to
 * nobody. I18: what is wanted, in quarantine, or too new to be judged is not deleted. I20: what was
 * removed does not come back. I58: nothing is kept awake without somebody who uses it. I60: what is
 * wanted is not left to rest as if nobody used it.
 */
import { CONTROL_NAME } from "../../../hub/platform-watch/control-run.ts";
import type { PlatformCall } from "../platform.ts";
import { simPolicy } from "../sim-policy.ts";
import type { Check, Stand, WrittenFact } from "./check.ts";

/** What a call waits for the hub's budget at most, and its way to the platform. */
const BUDGET_WAIT_MS = 2_000;

export class SandboxChecks implements Check {
  readonly #stand: Stand;
  readonly #requested = new Set<string>();

  /** Simulated ms until which each session was to be kept: Infinity while it heals. */
  readonly #wantedUntil = new Map<string, number>();

  constructor(stand: Stand) {
    this.#stand = stand;
  }

  onFact({ event, before, record }: WrittenFact): void {
    if (record.state === "nudging") this.#wantedUntil.set(record.id, Infinity);
    else if (before?.state === "nudging") {
      this.#wantedUntil.set(record.id, this.#stand.world.kernel.now);
    }
    if (event.kind === "activity.changed" && event.data["because"] === "unknown") {
      this.#wantedUntil.set(record.id, this.#stand.world.kernel.now);
    }
    if (event.kind === "sandbox.requested") this.#requested.add(String(event.data["sandboxName"]));
    if (before?.desired === "ended" && record.desired !== "ended") {
      this.#stand.violate("I20", `${record.name} came back from its removal`);
    }
    // The stop of this platform is never one of a sandbox that was idle: no world lasts that long.
    const left = before?.desired === "connected" && record.desired === "suspended";
    if (left && event.text.includes("nobody used it")) {
      this.#stand.violate("I60", `${record.name} is left to rest, and was used a moment ago`);
    }
  }

  onCall({ name, target }: PlatformCall): void {
    // A control sandbox is nobody's: its label finds it again, and I17 holds for it, too.
    const control = target.startsWith(CONTROL_NAME);
    if (name === "create" && !control && !this.#requested.has(target)) {
      this.#stand.violate("I15", `a create of ${target} without a durable intent`);
    }
    if (name === "destroy") this.#onDelete(target);
    if (name === "refreshActivity") this.#onKept(target);
  }

  /** I58: nobody types and nothing runs in these worlds: only a driver on its way back is kept. */
  #onKept(sandboxId: string): void {
    const owner = this.#stand.world.sessions.find(({ record }) => record.sandboxId === sandboxId);
    if (owner === undefined || owner.record.state === "nudging") return;
    // Between an attach and the driver's first word nobody knows.
    if (owner.health().activity.process.running === null) return;
    // It was decided on while the driver was on its way back, or had not told yet what runs, and
    // waited for the hub's own budget, or for a store that is late: by now it may be proven idle.
    const wantedUntil = this.#wantedUntil.get(owner.record.id) ?? -Infinity;
    if (this.#stand.world.kernel.now - wantedUntil < BUDGET_WAIT_MS) return;
    this.#stand.violate("I58", `${owner.record.name} is kept awake and nobody uses it`);
  }

  atEnd(): void {
    const { platform, sessions, kernel } = this.#stand.world;
    const living = new Map(sessions.map((session) => [session.record.id, session.record]));
    for (const sandbox of platform.all) {
      const owner = living.get(sandbox.labels["holdfast/session"] ?? "");
      const owned =
        owner !== undefined &&
        (owner.sandboxId === sandbox.id ||
          owner.sandboxName === sandbox.name ||
          owner.quarantine.some(({ sandboxName }) => sandboxName === sandbox.name));
      if (owned || sandbox.state === "destroying") continue;
      // The world may end while a control sandbox is at work.
      const isControl = sandbox.name.startsWith(CONTROL_NAME);
      if (isControl && kernel.now - sandbox.bornAt < simPolicy.createMs) continue;
      const said = `sandbox ${sandbox.name} (${sandbox.state}) belongs to nobody`;
      this.#stand.violate("I17", said);
    }
  }

  #onDelete(idOrName: string): void {
    const { platform, kernel, sessions, hub } = this.#stand.world;
    const sandbox = platform.find(idOrName);
    if (sandbox === null) return;
    const session = sandbox.labels["holdfast/session"];
    const owner = sessions.find(({ record }) => record.id === session)?.record;
    if (owner === undefined || owner.desired === "ended") return;
    const kept = owner.quarantine.find((one) => one.sandboxName === sandbox.name);
    const ageMs = kernel.now - sandbox.bornAt;
    if (owner.sandboxId === sandbox.id) {
      this.#stand.violate("I18", `the sandbox of ${owner.name} is deleted while it is wanted`);
    } else if (kept !== undefined && (hub?.process.clock.now() ?? 0) < kept.until) {
      this.#stand.violate("I18", `${sandbox.name} is deleted before its quarantine ended`);
    } else if (sandbox.isCopy && ageMs < simPolicy.createMs) {
      this.#stand.violate("I18", `${sandbox.name} is deleted when ${Math.round(ageMs)} ms old`);
    } else if (sandbox.isCopy) this.#stand.saw("a copy was reaped");
  }
}
