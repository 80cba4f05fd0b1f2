/**
 * All sandboxes of this platform, by id and by name, and their records on disk. One transition per
 * sandbox at a time: `pending` is the lock, and it is never held across a restart.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../host.ts";
import { dirOf } from "./processes.ts";
import { loadRecord, saveRecord } from "./record.ts";
import type { SandboxRecord } from "./record.ts";

export interface Held {
  record: SandboxRecord;
  pending: boolean;
}

export class Registry {
  readonly #host: Host;
  readonly #held = new Map<string, Held>();

  constructor(host: Host) {
    this.#host = host;
  }

  /**
   * Reads every record, or throws naming the file that it cannot read. What has no record was
   * begun by a platform that was killed before it could write one: those ids are returned.
   */
  load(): string[] {
    const unrecorded: string[] = [];
    for (const entry of readdirSync(this.#host.paths.sandboxes, { withFileTypes: true })) {
      const dir = join(this.#host.paths.sandboxes, entry.name);
      const record = entry.isDirectory() ? loadRecord(dir) : undefined;
      if (record !== undefined) this.#held.set(record.id, { record, pending: false });
      else if (entry.isDirectory()) unrecorded.push(entry.name);
    }
    return unrecorded;
  }

  add(record: SandboxRecord): Held {
    const held = { record, pending: false };
    this.#held.set(record.id, held);
    return held;
  }

  remove(id: string): void {
    this.#held.delete(id);
    rmSync(dirOf(this.#host, id), { recursive: true, force: true, maxRetries: 2 });
  }

  byId(id: string): Held | undefined {
    return this.#held.get(id);
  }

  /** Another organisation's sandbox is found by nobody, as one that there is not. */
  find(idOrName: string, organizationId: string): Held | undefined {
    const held = this.#held.get(idOrName);
    if (held?.record.organizationId === organizationId) return held;
    return this.of(organizationId).find(({ record }) => record.name === idOrName);
  }

  of(organizationId: string): Held[] {
    return this.all().filter(({ record }) => record.organizationId === organizationId);
  }

  all(): Held[] {
    return [...this.#held.values()];
  }

  /** The lowest number that no sandbox holds, so that no two share a user. */
  freeNumber(): number {
    const taken = new Set(this.all().map((held) => held.record.number));
    let number = 1;
    while (taken.has(number)) number++;
    return number;
  }

  save(held: Held): void {
    held.record.updatedAt = new Date().toISOString();
    saveRecord(dirOf(this.#host, held.record.id), held.record);
  }
}
