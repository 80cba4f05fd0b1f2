/**
 * What happens to sandboxes when nobody asks: at start-up they are adopted again, later their
 * deaths are noticed and their idle times run out.
 */
import type { Host } from "../host.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { textOf } from "../outcome.ts";
import { isRunning, openEgressDoor } from "./processes.ts";
import type { Held, Registry } from "./registry.ts";
import { dueVerb } from "./rules.ts";

/** How long a death may go unnoticed; the real platform looks every 10 s. */
const LOOK_EVERY_MS = 1_000;
const PROBLEMS_MAX = 20;

export class Keeper {
  readonly #host: Host;
  readonly #registry: Registry;
  readonly #lifecycle: Lifecycle;
  /** What could not be taken over whole; told by the platform's facts. */
  readonly problems: string[] = [];
  /** Processes killed for want of memory, as they were told last. */
  readonly #oomKills = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(host: Host, registry: Registry, lifecycle: Lifecycle) {
    this.#host = host;
    this.#registry = registry;
    this.#lifecycle = lifecycle;
  }

  /**
   * Sandboxes that still run are taken over as they are; for every other one the state follows
   * the processes, also where the platform was killed in the middle of a transition.
   */
  async adopt(): Promise<void> {
    for (const held of this.#registry.all()) {
      await this.#adoptOne(held);
      const { record } = held;
      if (record.process === null) continue;
      const problem = await openEgressDoor(this.#host, record);
      if (problem !== undefined) this.#note(held, problem);
    }
  }

  start(): void {
    this.#timer = setInterval(() => {
      for (const held of this.#registry.all()) {
        this.#look(held).catch((error: unknown) => {
          this.#note(held, textOf(error));
        });
      }
    }, LOOK_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The newest few: a full disk would otherwise fill the memory, too. */
  #note(held: Held, problem: string): void {
    this.#host.log.warn({ sandbox: held.record.id, name: held.record.name, problem }, "problem");
    this.problems.push(`${held.record.name}: ${problem}`);
    this.problems.splice(0, this.problems.length - PROBLEMS_MAX);
  }

  /** The kernel says it only to who asks; inside, a program has just vanished. */
  #tellOomKills(held: Held): void {
    const { id } = held.record;
    const killed = this.#host.limits.oomKills(id);
    const told = this.#oomKills.get(id) ?? 0;
    this.#oomKills.set(id, killed);
    if (killed > told) this.#note(held, `out of memory: ${killed - told} killed by the kernel`);
  }

  async #adoptOne(held: Held): Promise<void> {
    const { record } = held;
    switch (record.state) {
      case "started":
      case "paused":
        await this.#lifecycle.noticeEnd(held);
        return;
      case "stopped":
      case "archived":
      case "error":
        return;
      case "archiving":
        record.state = "stopped";
        return;
      case "forking":
      case "snapshotting":
        await this.#lifecycle.wake(held);
        return;
      case "destroying":
        record.state = "stopped";
        await this.#lifecycle.delete(held);
        return;
      case "pausing":
      case "resuming":
        // A freeze is done again from the side that is known: the sandbox is asked to run.
        record.state = "paused";
        if (isRunning(record)) await this.#lifecycle.start(held);
        else await this.#lifecycle.noticeEnd(held);
        return;
      case "creating":
        await this.#lifecycle.giveUpCreate(held);
        return;
      default:
        // starting, stopping: what was half made is taken down, files stay.
        record.state = "started";
        await this.#lifecycle.stop(held);
    }
  }

  async #look(held: Held): Promise<void> {
    const { record } = held;
    this.#tellOomKills(held);
    if (held.pending) return;
    if ((record.state === "started" || record.state === "paused") && !isRunning(record)) {
      await this.#lifecycle.noticeEnd(held);
      return;
    }
    switch (dueVerb(record.state, record, Date.now())) {
      case "stop":
        await this.#lifecycle.stop(held);
        return;
      case "pause":
        await this.#lifecycle.pause(held);
        return;
      case "archive":
        await this.#lifecycle.archive(held);
        return;
      case "delete":
        await this.#lifecycle.delete(held);
        return;
      case undefined:
        return;
    }
  }
}
