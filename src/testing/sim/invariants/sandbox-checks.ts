/**
 * I15: an intent is durable before a sandbox is asked for. I18: a sandbox that is wanted is not
 * deleted. I20: what was removed does not come back. I17: in the end nothing belongs to nobody.
 */
import type { PlatformCall } from "../platform.ts";
import type { Check, Stand, WrittenFact } from "./check.ts";

export class SandboxChecks implements Check {
  readonly #stand: Stand;
  readonly #requested = new Set<string>();

  constructor(stand: Stand) {
    this.#stand = stand;
  }

  onFact({ event, before, record }: WrittenFact): void {
    if (event.kind === "sandbox.requested") this.#requested.add(String(event.data["sandboxName"]));
    if (before?.desired === "ended" && record.desired !== "ended") {
      this.#stand.violate("I20", `${record.name} came back from its removal`);
    }
  }

  onCall({ name, target }: PlatformCall): void {
    if (name === "create" && !this.#requested.has(target)) {
      this.#stand.violate("I15", `a create of ${target} without a durable intent`);
    }
    if (name !== "destroy") return;
    const owner = this.#stand.world.sessions.find(({ record }) => record.sandboxId === target);
    if (owner === undefined || owner.record.desired === "ended") return;
    const { name: session } = owner.record;
    this.#stand.violate("I18", `the sandbox of ${session} is deleted while it is wanted`);
  }

  atEnd(): void {
    const { platform, sessions } = this.#stand.world;
    const living = new Map(sessions.map((session) => [session.record.id, session.record]));
    for (const sandbox of platform.all) {
      const owner = living.get(sandbox.labels["holdfast/session"] ?? "");
      const owned =
        owner !== undefined && (owner.sandboxId === sandbox.id || owner.sandboxId === null);
      if (owned || sandbox.state === "destroying") continue;
      const said = `sandbox ${sandbox.name} (${sandbox.state}) belongs to nobody`;
      this.#stand.violate("I17", said);
    }
  }
}
