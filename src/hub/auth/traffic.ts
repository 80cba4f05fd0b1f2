/**
 * How much may be under way at once: of all callers, and of each, so that one of them leaves room
 * for the others. Above that the answer is early and cheap, and what is under way goes on.
 */
import { HubError } from "../../base/hub-error.ts";
import { ADMIN, type Principal } from "./principal.ts";

export interface TrafficLimits {
  readonly what: string;
  readonly all: number;
  /** Of one caller; the hub's own token is shared by all who run it. */
  readonly each: number;
}

export class Traffic {
  readonly #limits: TrafficLimits;
  readonly #byId = new Map<string, number>();
  #all = 0;

  constructor(limits: TrafficLimits) {
    this.#limits = limits;
  }

  get underWay(): number {
    return this.#all;
  }

  /** Returns what to call at its end. @throws HubError RateLimited, HubBusy */
  enter({ id }: Pick<Principal, "id">): () => void {
    const { what, all, each } = this.#limits;
    const own = this.#byId.get(id) ?? 0;
    if (this.#all >= all) throw new HubError("HubBusy", `this hub has ${all} ${what} already`);
    if (id !== ADMIN.id && own >= each) {
      throw new HubError("RateLimited", `${id} has ${each} ${what} already`);
    }
    this.#all += 1;
    this.#byId.set(id, own + 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#all -= 1;
      const left = (this.#byId.get(id) ?? 1) - 1;
      if (left === 0) this.#byId.delete(id);
      else this.#byId.set(id, left);
    };
  }
}
