/**
 * I9: an attempt ends by its deadline, in real time, over any number of hub lives. I12: nothing
 * but a new attempt moves a deadline; a restart least of all.
 */
import { limits } from "../../../base/limits.ts";
import type { SessionRecord } from "../../../store/facts.ts";
import { simPolicy } from "../sim-policy.ts";
import type { Check, Stand, WrittenFact } from "./check.ts";

/** Work that ends at its deadline still has to be written down. */
const SLACK_MS = 1_000;
/** What is on its way still arrives, and a close that nobody answers takes its time. */
const UNHEARD_MS_MAX = limits.DRIVER_DEAD_MS + 9_000;
/** The longest attempt there is, start to verdict. */
const { createMs, buildMs, resumeMs, healMs } = simPolicy;
const ATTEMPT_MAX_MS = Math.max(createMs, buildMs, resumeMs, healMs);

const WORKING = new Set(["creating", "resuming", "nudging"]);

interface Working {
  readonly name: string;
  detail: string;
  readonly deadlineAt: number | null;
  readonly sinceMs: number;
  /** What `hubDownMs` was then: a hub that is down writes no outcome. */
  readonly downMs: number;
}

export class TimeChecks implements Check {
  readonly #stand: Stand;
  readonly #working = new Map<string, Working>();
  /** No attempt is due before this, whatever else happens. */
  #soonestMs = Infinity;
  /** The same for a link that is kept although it is silent. */
  #linkDueMs = UNHEARD_MS_MAX;

  constructor(stand: Stand) {
    this.#stand = stand;
  }

  onFact({ before, record }: WrittenFact): void {
    if (before !== null) this.#checkMoved(before, record);
    if (!isWorking(record)) {
      this.#working.delete(record.id);
      return;
    }
    const running = this.#working.get(record.id);
    if (running?.deadlineAt === record.deadlineAt) {
      running.detail = record.detail;
      return;
    }
    const sinceMs = this.#stand.world.kernel.now;
    const { name, detail, deadlineAt } = record;
    const downMs = this.#stand.hubDownMs;
    this.#working.set(record.id, { name, detail, deadlineAt, sinceMs, downMs });
    this.#soonestMs = Math.min(this.#soonestMs, sinceMs + ATTEMPT_MAX_MS + SLACK_MS);
  }

  afterEvent(nowMs: number): void {
    this.#checkLinks(nowMs);
    if (nowMs <= this.#soonestMs) return;
    const { hub, wallJumpedAt } = this.#stand.world;
    if (hub === null || hub.process.frozen) return;
    this.#soonestMs = Infinity;
    for (const [id, { name, detail, sinceMs, downMs }] of this.#working) {
      // Deadlines on disk are wall times: a wall that lied moves them in real time.
      if (wallJumpedAt > sinceMs) continue;
      const dueMs = sinceMs + ATTEMPT_MAX_MS + SLACK_MS + this.#stand.hubDownMs - downMs;
      if (nowMs <= dueMs) {
        this.#soonestMs = Math.min(this.#soonestMs, dueMs);
        continue;
      }
      this.#stand.violate("I9", `${name} is ${detail} for ${Math.round(nowMs - sinceMs)} ms`);
      this.#working.delete(id);
    }
  }

  /** I59: what is silent for as long as a dead driver is given up, by a hub that could hear it. */
  #checkLinks(nowMs: number): void {
    // A link that falls silent later is due later still.
    if (nowMs <= this.#linkDueMs) return;
    const { hub, links } = this.#stand.world;
    if (hub?.process.prompt(UNHEARD_MS_MAX) !== true) return;
    let firstMs = nowMs;
    for (const link of links) {
      const sinceMs = link.unheardSinceMs;
      if (sinceMs === null) continue;
      if (nowMs - sinceMs <= UNHEARD_MS_MAX) {
        firstMs = Math.min(firstMs, sinceMs);
        continue;
      }
      links.delete(link);
      this.#stand.violate("I59", `a link is kept that is silent for ${nowMs - sinceMs} ms`);
    }
    this.#linkDueMs = firstMs + UNHEARD_MS_MAX;
  }

  #checkMoved(before: SessionRecord, record: SessionRecord): void {
    if (before.deadlineAt === null || record.deadlineAt === null) return;
    if (record.deadlineAt <= before.deadlineAt || record.attempt !== before.attempt) return;
    // A pause that was refused is followed by healing, which has its own time.
    if (before.detail === "suspended.requesting" && record.state !== before.state) return;
    const byMs = record.deadlineAt - before.deadlineAt;
    this.#stand.violate("I12", `${record.name}: its deadline moved by ${byMs} ms`);
  }
}

function isWorking({ state, detail }: SessionRecord): boolean {
  return WORKING.has(state) || detail === "suspended.requesting";
}
