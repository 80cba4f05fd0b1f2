/**
 * Draws what breaks, when and for how long, from a seed. Faults overlap; of three hubs at most two
 * are dead, frozen or without a store at one time, and one PostgreSQL dies at a time.
 */
import type { Random } from "../../src/base/random.ts";
import type { Balancer } from "../balancer.ts";
import type { LineName, Member } from "./member.ts";
import type { StorePair } from "./store-pair.ts";

const GAP_MS = [3_000, 12_000] as const;
const HUBS_DOWN_MAX = 2;
/** Shares of all faults. */
const KINDS = {
  kill: 20,
  drain: 8,
  stop: 22,
  storeLine: 12,
  peerLine: 8,
  driverLine: 8,
  platformLine: 6,
  clientLines: 10,
  storeRestart: 6,
  failOver: 4,
} as const;
type Kind = keyof typeof KINDS;

const pause = (ms: number) => new Promise((next) => setTimeout(next, ms));

export interface Field {
  readonly members: readonly Member[];
  readonly store: StorePair;
  readonly balancer: Balancer;
  readonly random: Random;
  readonly say: (text: string) => void;
}

export class Nemesis {
  readonly struck: Record<string, number> = {};
  readonly #field: Field;
  /** Members that are not to be struck anew before their fault is over. */
  readonly #down = new Set<Member>();
  readonly #cut = new Set<string>();
  readonly #under = new Set<Promise<void>>();
  #storeIsDown = false;
  #isOver = false;

  constructor(field: Field) {
    this.#field = field;
  }

  /** Returns when the time is over and each fault that began has ended. */
  async rage(forMs: number): Promise<void> {
    const endAt = performance.now() + forMs;
    while (!this.#isOver && performance.now() < endAt) {
      const work = this.#strike(this.#draw());
      this.#under.add(work);
      void work.finally(() => this.#under.delete(work));
      await Promise.race([pause(this.#between(...GAP_MS)), work.then(() => new Promise(() => {}))]);
    }
    await Promise.all(this.#under);
  }

  /** Nothing more begins. */
  stop(): void {
    this.#isOver = true;
  }

  #draw(): Kind {
    const all = Object.values(KINDS).reduce((sum, share) => sum + share, 0);
    let at = this.#field.random.next() * all;
    for (const [kind, share] of Object.entries(KINDS) as [Kind, number][]) {
      at -= share;
      if (at < 0) return kind;
    }
    return "kill";
  }

  #between(from: number, to: number): number {
    return from + this.#field.random.next() * (to - from);
  }

  /** Short ones are as likely as long ones: from 1 s to 60 s. */
  #long(maxMs = 60_000): number {
    return 1_000 * (maxMs / 1_000) ** this.#field.random.next();
  }

  async #strike(kind: Kind): Promise<void> {
    const { members, random } = this.#field;
    const member = members[Math.floor(random.next() * members.length)];
    if (member === undefined) return;
    switch (kind) {
      case "kill":
        return this.#onHub(member, "kill -9", this.#long(15_000), (ms) =>
          member.kill("SIGKILL", ms).then(() => pause(ms)),
        );
      case "drain":
        return this.#onHub(member, "drain", this.#long(5_000), (ms) =>
          member.kill("SIGTERM", ms).then(() => pause(ms)),
        );
      case "stop":
        return this.#onHub(member, "SIGSTOP", this.#long(), async (ms) => {
          member.signal("SIGSTOP");
          await pause(ms);
          member.signal("SIGCONT");
        });
      case "storeLine":
        return this.#onHub(member, "cut from the store", this.#long(30_000), (ms) =>
          this.#cutLine(member, "store", ms),
        );
      case "peerLine":
        return this.#onLine(member, "peers");
      case "driverLine":
        return this.#onLine(member, "drivers");
      case "platformLine":
        return this.#onLine(member, "platform");
      case "clientLines":
        return this.#cutClients();
      case "storeRestart":
        return this.#onStore("PostgreSQL killed", this.#long(20_000), (ms) =>
          this.#field.store.restart(ms),
        );
      case "failOver":
        return this.#onStore("PostgreSQL failed over", this.#long(5_000), (ms) =>
          this.#field.store.failOver(ms / 2, ms),
        );
    }
  }

  async #onHub(member: Member, what: string, ms: number, strike: (ms: number) => Promise<unknown>) {
    const isFree = !this.#down.has(member) && member.isUp && this.#down.size < HUBS_DOWN_MAX;
    if (!isFree) {
      this.#tell("left out: a hub that is struck already", "", 0);
      return;
    }
    this.#down.add(member);
    this.#tell(what, member.name, ms);
    await strike(ms);
    this.#down.delete(member);
  }

  async #onLine(member: Member, line: LineName): Promise<void> {
    const key = `${member.name} ${line}`;
    const ms = this.#long(30_000);
    if (this.#cut.has(key)) return;
    this.#cut.add(key);
    this.#tell(`cut from ${line}`, member.name, ms);
    await this.#cutLine(member, line, ms);
    this.#cut.delete(key);
  }

  async #cutLine(member: Member, line: LineName, ms: number): Promise<void> {
    member.set(line, this.#field.random.next() < 0.5 ? "refused" : "silent");
    await pause(ms);
    member.set(line, "open");
  }

  async #cutClients(): Promise<void> {
    const { balancer, random } = this.#field;
    const share = random.next();
    const count = balancer.cut(() => random.next() < share);
    this.#tell("lines of clients cut", `${count}`, 0);
    await Promise.resolve();
  }

  async #onStore(what: string, ms: number, strike: (ms: number) => Promise<void>): Promise<void> {
    if (this.#storeIsDown) {
      this.#tell("left out: a store that is struck already", "", 0);
      return;
    }
    this.#storeIsDown = true;
    this.#tell(what, "", ms);
    await strike(ms);
    this.#storeIsDown = false;
  }

  #tell(what: string, whom: string, ms: number): void {
    this.struck[what] = (this.struck[what] ?? 0) + 1;
    this.#field.say(`${what} ${whom}${ms > 0 ? ` for ${(ms / 1_000).toFixed(1)} s` : ""}`);
  }
}
