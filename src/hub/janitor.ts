/**
 * Deletes what should not be at the platform: sandboxes that sessions gave up, and sandboxes that
 * carry this hub's label and belong to no session (a create that was answered after its hub died).
 * Looks at a slow pace for as long as the hub lives, and never gives up on a name.
 *
 * JA1  Only a sandbox of a session that this store knows is ever deleted: a hub with an older or
 *      another store leaves what it did not ask for alone.
 * JA2  An orphan is deleted after two looks that agree: a listing may lag behind a create.
 * JA3  The current sandbox of a session, and one that it is asking for, are never touched.
 */
import type { Clock } from "../base/clock.ts";
import { toHubError } from "../base/hub-error.ts";
import type { Logger } from "../base/log.ts";
import type { SandboxProvider } from "../providers/provider.ts";
import type { Store } from "../store/store.ts";
import type { Session } from "./session/session.ts";

export interface JanitorOptions {
  readonly hubId: string;
  readonly provider: SandboxProvider;
  readonly store: Store;
  readonly sessions: () => readonly Session[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly everyMs: number;
}

export interface JanitorCounts {
  /** Orphans seen in the last look. */
  readonly orphans: number;
  readonly deleted: number;
}

export class Janitor {
  readonly #options: JanitorOptions;
  #timer: unknown = null;
  #stopped = false;
  /** Orphans of the last look, by sandbox id. */
  #suspects = new Set<string>();
  #deleted = 0;

  constructor(options: JanitorOptions) {
    this.#options = options;
  }

  get counts(): JanitorCounts {
    return { orphans: this.#suspects.size, deleted: this.#deleted };
  }

  start(): void {
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  #arm(): void {
    const { clock, everyMs, log } = this.#options;
    if (this.#stopped) return;
    this.#timer = clock.setTimeout(() => {
      void this.#look()
        .catch((error: unknown) => {
          log.warn({ error: toHubError(error).message }, "the janitor's look failed");
        })
        .finally(() => this.#arm());
    }, everyMs);
  }

  async #look(): Promise<void> {
    for (const session of this.#options.sessions()) {
      for (const name of session.record.litter) await this.#clear(session, name);
    }
    await this.#findOrphans();
  }

  async #clear(session: Session, name: string): Promise<void> {
    if (!(await this.#destroy(name))) return;
    const litter = session.record.litter.filter((other) => other !== name);
    session.ledger.note("sandbox.deleted", `${name} is gone`, { sandboxName: name }, { litter });
  }

  async #findOrphans(): Promise<void> {
    const { provider, store, hubId } = this.#options;
    const listed = await provider.list({ "holdfast/hub": hubId });
    const wanted = this.#wanted();
    const orphans = listed.filter(({ sandboxId, name, labels }) => {
      const owner = labels["holdfast/session"] ?? "";
      return !wanted.has(sandboxId) && !wanted.has(name) && store.knows(owner);
    });
    for (const { sandboxId } of orphans) {
      if (this.#suspects.has(sandboxId)) await this.#destroy(sandboxId);
    }
    this.#suspects = new Set(orphans.map(({ sandboxId }) => sandboxId));
  }

  /** Ids and names that sessions have or ask for right now; names, because an id comes later. */
  #wanted(): ReadonlySet<string> {
    const wanted = new Set<string>();
    for (const { record } of this.#options.sessions()) {
      if (record.sandboxId !== null) wanted.add(record.sandboxId);
      else wanted.add(record.sandboxName);
    }
    return wanted;
  }

  /** True when it is gone. A platform that is busy with it is asked again at the next look. */
  async #destroy(idOrName: string): Promise<boolean> {
    const { provider, log } = this.#options;
    try {
      const gone = await provider.destroy(idOrName);
      log.info({ idOrName, gone }, "deleting what should not be there");
      if (gone) this.#deleted += 1;
      return gone;
    } catch (error) {
      log.warn({ idOrName, error: toHubError(error).message }, "not deleted yet");
      return false;
    }
  }
}
