/**
 * Whose turn it is on one link. Two classes, by what a flow does and not by what it says it is:
 * one that sends little is interactive and goes first; one that sends more than that waits its
 * turn among the others, with as many bytes as they. A terminal in which a program floods the
 * screen so becomes bulk by itself, and interactive again when it is quiet.
 *
 * First the groups (clients of a hub) share, then the flows of each group.
 */
import type { Clock } from "../base/clock.ts";

/** What a flow may send ahead of bulk at once: a full screen with its colours. */
const BURST_BYTES = 16 * 1024;
/** And what for good: many times what a person reads or types. */
const INTERACTIVE_BYTES_PER_MS = 64;
/** What a flow, or a group, sends in one turn; on a fast line at least one frame. */
const TURN_BYTES = 16 * 1024;

export interface Flow<S> {
  readonly source: S;
  readonly group: number;
  /** Bytes that it may still send ahead of bulk, as of `atMs`. */
  allowance: number;
  atMs: number;
  deficit: number;
  /** Where it waits; null when it has nothing to send. */
  place: "ahead" | "bulk" | null;
}

interface Group<S> {
  deficit: number;
  readonly flows: Set<Flow<S>>;
}

export class Turns<S> {
  readonly #clock: Clock;
  readonly #flows = new Map<S, Flow<S>>();
  readonly #ahead = new Set<Flow<S>>();
  readonly #groups = new Map<number, Group<S>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Flows that are kept in mind. */
  get known(): number {
    return this.#flows.size;
  }

  find(source: S): Flow<S> | undefined {
    return this.#flows.get(source);
  }

  make(source: S, group: number): Flow<S> {
    const flow: Flow<S> = {
      source,
      group,
      allowance: BURST_BYTES,
      atMs: this.#clock.mono(),
      deficit: 0,
      place: null,
    };
    this.#flows.set(source, flow);
    return flow;
  }

  forget(source: S): void {
    const flow = this.#flows.get(source);
    if (flow === undefined) return;
    this.#flows.delete(source);
    this.leave(flow);
  }

  /** True when a new flow would be treated just the same. */
  isLikeNew(flow: Flow<S>): boolean {
    this.#refill(flow);
    return flow.place === null && flow.allowance === BURST_BYTES;
  }

  /** It has something to send. */
  enter(flow: Flow<S>): void {
    if (flow.place !== null) return;
    this.#refill(flow);
    if (flow.allowance > 0) {
      flow.place = "ahead";
      this.#ahead.add(flow);
    } else this.#enterBulk(flow);
  }

  leave(flow: Flow<S>): void {
    if (flow.place === "ahead") this.#ahead.delete(flow);
    else if (flow.place === "bulk") {
      const group = this.#groups.get(flow.group);
      group?.flows.delete(flow);
      if (group?.flows.size === 0) this.#groups.delete(flow.group);
    }
    flow.place = null;
    flow.deficit = 0;
  }

  /** The flow that goes before all bulk, if there is one. */
  get ahead(): Flow<S> | undefined {
    const [flow] = this.#ahead;
    return flow;
  }

  /** The flow of bulk whose turn it is. */
  get bulk(): Flow<S> | undefined {
    const [group] = this.#groups.values();
    const [flow] = group?.flows ?? [];
    return flow;
  }

  /** It sent a frame, on a line that takes such large ones. */
  charge(flow: Flow<S>, bytes: number, frameBytesMax: number): void {
    const turnBytes = Math.max(TURN_BYTES, frameBytesMax);
    flow.allowance = Math.max(-BURST_BYTES, flow.allowance - bytes);
    if (flow.place === "ahead") {
      this.#ahead.delete(flow);
      if (flow.allowance > 0) this.#ahead.add(flow);
      else this.#enterBulk(flow);
      return;
    }
    const group = this.#groups.get(flow.group);
    if (group === undefined || flow.place !== "bulk") return;
    flow.deficit -= bytes;
    if (flow.deficit <= 0) {
      flow.deficit += turnBytes;
      group.flows.delete(flow);
      group.flows.add(flow);
    }
    group.deficit -= bytes;
    if (group.deficit > 0) return;
    group.deficit += turnBytes;
    this.#groups.delete(flow.group);
    this.#groups.set(flow.group, group);
  }

  #enterBulk(flow: Flow<S>): void {
    flow.place = "bulk";
    flow.deficit = TURN_BYTES;
    const group = this.#groups.get(flow.group);
    if (group !== undefined) group.flows.add(flow);
    else this.#groups.set(flow.group, { deficit: TURN_BYTES, flows: new Set([flow]) });
  }

  #refill(flow: Flow<S>): void {
    const nowMs = this.#clock.mono();
    const more = (nowMs - flow.atMs) * INTERACTIVE_BYTES_PER_MS;
    flow.allowance = Math.min(BURST_BYTES, flow.allowance + more);
    flow.atMs = nowMs;
  }
}
