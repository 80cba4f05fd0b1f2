/**
 * Volumes: directories that outlive sandboxes and that several may share. Owns their names and
 * states; how one comes into a sandbox is in sandbox/volume-mounts.ts.
 */
import type { SandboxVolume, VolumeDto } from "@daytona/api-client";
import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { readJsonFile, writeJsonFile } from "./json-file.ts";
import { done, refuse } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";

export type Volume = Omit<VolumeDto, "lastUsedAt"> & { lastUsedAt: string | null };

/** Daytona makes it behind the answer: a create right after it meets one that is not ready. */
const READY_AFTER_MS = 150;
/** Deleted ones are told on request, the newest few. */
const DELETED_MAX = 100;
const NAME_LENGTH_MAX = 128;

export class Volumes {
  readonly #dir: string;
  readonly #file: string;
  #all: Volume[];

  constructor(dataDir: string, volumesDir: string) {
    this.#dir = volumesDir;
    this.#file = join(dataDir, "volumes.json");
    const stored = readJsonFile(this.#file)?.["volumes"];
    this.#all = Array.isArray(stored) ? (stored as Volume[]) : [];
    for (const volume of this.#all) {
      // What a platform that was killed had begun is finished here.
      if (volume.state === "pending_create") this.#makeReady(volume);
      if (volume.state === "pending_delete") void this.#remove(volume);
    }
  }

  list(organizationId: string, withDeleted: boolean): Volume[] {
    return this.#all.filter(
      (one) => one.organizationId === organizationId && (withDeleted || one.state !== "deleted"),
    );
  }

  byId(id: string, organizationId: string): Outcome<Volume> {
    const volume = this.list(organizationId, false).find((one) => one.id === id);
    return volume === undefined ? refuse(404, `Volume with ID ${id} not found`) : done(volume);
  }

  byName(name: string, organizationId: string): Outcome<Volume> {
    const volume = this.list(organizationId, false).find((one) => one.name === name);
    return volume === undefined ? refuse(404, `Volume with name ${name} not found`) : done(volume);
  }

  create(wanted: unknown, organizationId: string): Outcome<Volume> {
    const id = randomUUID();
    const name = wanted === undefined || wanted === null || wanted === "" ? id : wanted;
    if (typeof name !== "string" || name.length > NAME_LENGTH_MAX || /[\u0000-\u001f]/.test(name)) {
      return refuse(400, `name must be a string of at most ${NAME_LENGTH_MAX} characters`);
    }
    if (this.byName(name, organizationId).ok) {
      return refuse(400, `Volume with name ${name} already exists`);
    }
    const now = new Date().toISOString();
    const volume: Volume = {
      id,
      name,
      organizationId,
      state: "pending_create",
      createdAt: now,
      updatedAt: now,
      lastUsedAt: null,
      errorReason: null,
    };
    this.#all.push(volume);
    this.#save();
    setTimeout(() => {
      this.#makeReady(volume);
    }, READY_AFTER_MS).unref();
    return done(volume);
  }

  /** `user` is the name of a sandbox that has it, if one has. */
  delete(volume: Volume, user: string | undefined): Outcome<Volume> {
    if (volume.state !== "ready" && volume.state !== "error") {
      return refuse(400, "Volume must be in 'ready' or 'error' state in order to be deleted");
    }
    if (user !== undefined) {
      const used = "Volume cannot be deleted because it is in use by one or more sandboxes";
      return refuse(409, `${used} (e.g. ${user})`);
    }
    this.#enter(volume, "pending_delete");
    void this.#remove(volume);
    return done(volume);
  }

  /** The ids of what a create names, by id or by name, where each is ready. */
  resolve(wanted: readonly SandboxVolume[], organizationId: string): Outcome<SandboxVolume[]> {
    const found: SandboxVolume[] = [];
    for (const one of wanted) {
      const named = this.byName(one.volumeId, organizationId);
      const volume = named.ok ? named : this.byId(one.volumeId, organizationId);
      if (!volume.ok) return refuse(404, `Volume '${one.volumeId}' not found`);
      const { id, name, state } = volume.value;
      if (state !== "ready") {
        return refuse(400, `Volume '${name}' is not in a ready state. Current state: ${state}`);
      }
      volume.value.lastUsedAt = new Date().toISOString();
      found.push({ ...one, volumeId: id });
    }
    if (found.length > 0) this.#save();
    return done(found);
  }

  /** Open to every sandbox that mounts it: each has a user of its own. */
  #makeReady(volume: Volume): void {
    const dir = join(this.#dir, volume.id);
    mkdirSync(dir, { recursive: true });
    chmodSync(dir, 0o777);
    this.#enter(volume, "ready");
  }

  async #remove(volume: Volume): Promise<void> {
    await rm(join(this.#dir, volume.id), { recursive: true, force: true });
    this.#enter(volume, "deleted");
    const deleted = this.#all.filter((one) => one.state === "deleted");
    const forgotten = deleted.slice(0, Math.max(0, deleted.length - DELETED_MAX));
    this.#all = this.#all.filter((one) => !forgotten.includes(one));
    this.#save();
  }

  #enter(volume: Volume, state: Volume["state"]): void {
    volume.state = state;
    volume.updatedAt = new Date().toISOString();
    this.#save();
  }

  #save(): void {
    writeJsonFile(this.#file, { format: 1, volumes: this.#all });
  }
}
