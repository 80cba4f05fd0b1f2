/**
 * I8: health is what is, with true ages. I21: a start from another image than the one that was
 * asked for is said before it is asked for, and for as long as it runs. I28: a session asks its
 * platform for no more than its share, also in a storm.
 */
import type { Session } from "../../../hub/session/session.ts";
import type { PlatformCall } from "../platform.ts";
import type { Check, Stand } from "./check.ts";

const MINUTE_MS = 60_000;
/** Two whole proofs at once, every two seconds: what a session that heals may ask for. */
const CALLS_PER_MINUTE_MAX = 600;
/** Health is asked for after each nth change: more would only cost time. */
const LOOK_EVERY = 4;

export class HonestyChecks implements Check {
  readonly #stand: Stand;
  readonly #calls = new Map<string, number[]>();
  #changes = 0;

  constructor(stand: Stand) {
    this.#stand = stand;
  }

  onCall({ name, target, detail }: PlatformCall): void {
    if (name === "create") this.#checkSource(target, detail);
    if (target === "") return;
    const { now } = this.#stand.world.kernel;
    const times = this.#calls.get(target) ?? [];
    this.#calls.set(target, times);
    times.push(now);
    while ((times[0] ?? now) < now - MINUTE_MS) times.shift();
    if (times.length <= CALLS_PER_MINUTE_MAX) return;
    this.#stand.violate("I28", `${times.length} calls about ${target} within a minute`);
    times.length = 0;
  }

  onChanged(session: Session): void {
    this.#changes += 1;
    const { record } = session;
    const fellBack = record.source?.kind === "image-fallback" && record.state === "connected";
    if (!fellBack && this.#changes % LOOK_EVERY !== 0) return;
    const health = session.health();
    if (fellBack && health.status === "pass") {
      this.#stand.violate("I21", `${record.name} runs from another image, and health is pass`);
    }
    if (health.state !== record.state) {
      this.#stand.violate("I8", `${record.name} is ${record.state}, health says ${health.state}`);
    }
    this.#checkAges(session, health);
  }

  #checkAges({ record }: Session, health: ReturnType<Session["health"]>): void {
    const { hub } = this.#stand.world;
    if (hub === null) return;
    const now = hub.process.clock.now();
    const told = [health.claim, ...Object.values(health.evidence)];
    for (const one of told) {
      if (one === null || one.at === null || one.ageMs === null) continue;
      if (one.ageMs === Math.max(0, now - Date.parse(one.at))) continue;
      this.#stand.violate("I8", `${record.name}: ${one.at} is said to be ${one.ageMs} ms old`);
    }
  }

  #checkSource(sandboxName: string, from: string): void {
    const owner = this.#stand.world.sessions.find(
      ({ record }) => record.sandboxName === sandboxName,
    )?.record;
    if (owner?.spec.snapshot === undefined || !from.startsWith("image ")) return;
    if (owner.source?.kind === "image-fallback") return;
    this.#stand.violate("I21", `${owner.name} asked for its snapshot and gets ${from} unsaid`);
  }
}
