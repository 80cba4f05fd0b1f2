/**
 * Kills the hub at random instants while it creates one session, resumes another and heals a third,
 * starts it again, and counts what must never be: sandboxes that nobody owns, two for one session,
 * deadlines that a restart moved. The seed repeats the instants, not the machine's timing.
 */
import { seededRandom } from "../../src/base/random.ts";
import type { DrillRig } from "./drill-rig.ts";
import type { SessionView } from "./hub-kit.ts";
import { api } from "./platform-kit.ts";

export interface KillFigures {
  readonly kills: number;
  /** Those that met at least one session at work. */
  readonly killsAtWork: number;
  /** From the start of a process to its first answer. */
  readonly restartMs: readonly number[];
  /** What the three sessions of a round were doing when the hub was killed. */
  readonly killedIn: Readonly<Record<string, number>>;
  /** How they ended. */
  readonly ends: Readonly<Record<string, number>>;
  readonly deadlinesCompared: number;
  readonly deadlinesMoved: readonly string[];
  /** Read in the moment between a fact and its commit; the kill took both (decision 0801). */
  readonly deadlinesUnkept: number;
  readonly doubled: readonly string[];
  readonly unsettled: readonly string[];
  /** Still there after the time that a janitor has. */
  readonly orphans: readonly string[];
}

interface Working extends SessionView {
  readonly attempt: number;
  readonly deadlineAt: string | null;
  readonly name: string;
  readonly updatedAt: string;
}
interface Listed {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** About what a create, a resume or a heal takes: most kills then meet one at work. */
const instantMsMax = 800;
const settleMsMax = 90_000;
const orphanMsMax = 60_000;
const lookMs = 50;

export async function runKills(
  rig: DrillRig,
  options: { readonly kills: number; readonly seed: string },
  onRound: (said: string) => void = () => undefined,
): Promise<KillFigures> {
  const random = seededRandom(`kills ${options.seed}`);
  const run = new KillRun(rig);
  await run.prepare();
  for (let round = 1; round <= options.kills; round++) {
    const said = await run.round(round, Math.round(random.next() * instantMsMax));
    onRound(`${round} of ${options.kills}: ${said}`);
  }
  return run.finish(options.kills);
}

class KillRun {
  readonly #rig: DrillRig;
  readonly #restartMs: number[] = [];
  readonly #killedIn = new Map<string, number>();
  readonly #ends = new Map<string, number>();
  readonly #moved: string[] = [];
  readonly #doubled: string[] = [];
  readonly #unsettled: string[] = [];
  #compared = 0;
  #unkept = 0;
  #atWork = 0;

  constructor(rig: DrillRig) {
    this.#rig = rig;
  }

  async prepare(): Promise<void> {
    await this.#rig.connected("healed");
    await this.#rig.connected("resumed");
  }

  async round(number: number, instantMs: number): Promise<string> {
    const { hub } = this.#rig;
    const created = `created-${number}`;
    const names = [created, "resumed", "healed"];
    await hub.ask("POST", "/sessions/resumed/pause?wait=30");
    const { sandboxId } = await this.#look("healed");
    await hub.ask("POST", "/sessions", { name: created });
    await hub.ask("POST", "/sessions/resumed/resume");
    await this.#rig.on("driver-killed", { sandbox: sandboxId });
    await new Promise((next) => setTimeout(next, instantMs));
    const before = await Promise.all(names.map((name) => this.#look(name)));
    await hub.kill("SIGKILL");
    for (const { detail } of before) count(this.#killedIn, detail);
    if (before.some(({ state }) => state !== "connected")) this.#atWork += 1;
    const startedAt = performance.now();
    await hub.start();
    this.#restartMs.push(performance.now() - startedAt);
    for (const one of before) await this.#compare(one, await this.#look(one.name));
    const after = await Promise.all(names.map((name) => this.#settled(name)));
    for (const { state, lastError } of after) count(this.#ends, lastError?.code ?? state);
    await this.#countDoubled(number);
    await hub.ask("DELETE", `/sessions/${created}`);
    await this.#renew(after.slice(1));
    return `killed after ${instantMs} ms in ${before.map(({ detail }) => detail).join(", ")}`;
  }

  async finish(kills: number): Promise<KillFigures> {
    const { hub } = this.#rig;
    const endAt = performance.now() + orphanMsMax;
    let orphans = await this.#orphans();
    while (orphans.length > 0 && performance.now() < endAt) {
      await new Promise((next) => setTimeout(next, lookMs));
      orphans = await this.#orphans();
    }
    for (const name of ["resumed", "healed"]) await hub.ask("DELETE", `/sessions/${name}?wait=30`);
    return {
      kills,
      killsAtWork: this.#atWork,
      restartMs: this.#restartMs,
      killedIn: Object.fromEntries(this.#killedIn),
      ends: Object.fromEntries(this.#ends),
      deadlinesCompared: this.#compared,
      deadlinesMoved: this.#moved,
      deadlinesUnkept: this.#unkept,
      doubled: this.#doubled,
      unsettled: this.#unsettled,
      orphans,
    };
  }

  async #look(name: string): Promise<Working> {
    return this.#rig.hub.ask<Working>("GET", `/sessions/${name}`);
  }

  /** The same attempt has the deadline that it had; one that ended before the kill is another's. */
  async #compare(before: Working, after: Working): Promise<void> {
    if (before.deadlineAt === null || after.deadlineAt === null) return;
    if (before.attempt !== after.attempt) return;
    this.#compared += 1;
    if (after.deadlineAt === before.deadlineAt) return;
    if (!(await this.#isKept(before))) this.#unkept += 1;
    else this.#moved.push(`${before.name}: ${before.deadlineAt} → ${after.deadlineAt}`);
  }

  /** Whether the store has the fact that made this record, or any of this attempt and deadline. */
  async #isKept({ name, attempt, deadlineAt, updatedAt }: Working): Promise<boolean> {
    const facts = await this.#rig.timeline(name);
    return facts.some(({ at, data }) => {
      const isOfAttempt = data.attempt === attempt;
      return at === updatedAt || (isOfAttempt && data.deadlineAt === Date.parse(deadlineAt ?? ""));
    });
  }

  async #settled(name: string): Promise<Working> {
    const endAt = performance.now() + settleMsMax;
    for (;;) {
      const session = await this.#look(name);
      if (["connected", "error", "suspended"].includes(session.state)) return session;
      if (performance.now() > endAt) {
        this.#unsettled.push(`${name}: ${session.detail}`);
        return session;
      }
      await new Promise((next) => setTimeout(next, lookMs));
    }
  }

  /** A session that could not be kept is replaced, so that the next round breaks a whole one. */
  async #renew(sessions: readonly Working[]): Promise<void> {
    for (const { name, state } of sessions) {
      if (state === "connected") continue;
      await this.#rig.hub.ask("DELETE", `/sessions/${name}?wait=30`);
      await this.#rig.connected(name);
    }
  }

  async #list(): Promise<readonly Listed[]> {
    const response = await api(this.#rig.platform, "/sandbox?limit=200");
    return ((await response.json()) as { items: Listed[] }).items;
  }

  async #countDoubled(round: number): Promise<void> {
    const seen = new Map<string, string>();
    for (const { name, labels } of await this.#list()) {
      const session = labels["holdfast/session"] ?? "none";
      const other = seen.get(session);
      if (other !== undefined) this.#doubled.push(`round ${round}: ${other} and ${name}`);
      seen.set(session, name);
    }
  }

  async #orphans(): Promise<readonly string[]> {
    const sessions = await this.#rig.hub.ask<{ items: Working[] }>("GET", "/sessions?limit=200");
    const owned = new Set(sessions.items.map(({ sandboxId }) => sandboxId));
    return (await this.#list()).filter(({ id }) => !owned.has(id)).map(({ name }) => name);
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
