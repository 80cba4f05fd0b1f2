/**
 * Snapshots of this platform: two built-in names for the host's skeleton root, and root
 * directories that somebody registered. There is no image registry and no image is built here.
 */
import type { SnapshotDto } from "@daytona/api-client";
import { randomUUID } from "node:crypto";
import { existsSync, lstatSync, rmSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { readJsonFile, writeJsonFile } from "./json-file.ts";
import { done, refuse } from "./outcome.ts";
import type { Outcome, Refusal } from "./outcome.ts";
import { firstOrganizationId } from "./organizations.ts";
import { region } from "./sandbox/dto.ts";

export interface Snapshot {
  id: string;
  organizationId: string;
  name: string;
  imageName: string;
  /** Built-in ones are everybody's and cannot be taken away. */
  general: boolean;
  /** Pending while it is being activated. */
  state: "active" | "inactive" | "pending";
  /** The directory laid below sandboxes; empty for the skeleton. */
  rootDir: string;
  /** What is copied into each new sandbox; empty where it begins with nothing of its own. */
  seedDir: string;
  sourceSandboxId: string | null;
  createdAt: string;
  lastUsedAt: string | null;
}

/** As an older platform, which knew one organisation only, wrote it. */
type StoredSnapshot = Omit<Snapshot, Later> & Partial<Pick<Snapshot, Later>>;
type Later = "organizationId" | "seedDir" | "sourceSandboxId";

export const defaultSnapshot = "daytonaio/sandbox:0.6.0";

const builtInSince = "2026-01-01T00:00:00.000Z";

export class Snapshots {
  readonly #file: string;
  readonly #all = new Map<string, Snapshot>();

  constructor(dataDir: string) {
    this.#file = join(dataDir, "snapshots.json");
    for (const [index, name] of [defaultSnapshot, "default"].entries()) {
      const id = `00000000-0000-4000-8000-00000000010${index}`;
      this.#all.set(id, builtIn(id, name));
    }
    const stored = readJsonFile(this.#file)?.["snapshots"];
    for (const snapshot of Array.isArray(stored) ? (stored as StoredSnapshot[]) : []) {
      // An activation does not outlive its platform.
      const state = snapshot.state === "active" ? "active" : "inactive";
      const organizationId = snapshot.organizationId ?? firstOrganizationId;
      const { seedDir = "", sourceSandboxId = null } = snapshot;
      const added = { organizationId, seedDir, sourceSandboxId };
      this.#all.set(snapshot.id, { ...snapshot, ...added, state });
    }
  }

  /** Its own and everybody's. */
  list(organizationId: string): Snapshot[] {
    const isSeen = (one: Snapshot): boolean => one.general || one.organizationId === organizationId;
    return [...this.#all.values()].filter(isSeen);
  }

  find(idOrName: string, organizationId: string): Snapshot | undefined {
    const seen = this.list(organizationId);
    return (
      seen.find((snapshot) => snapshot.id === idOrName) ??
      seen.find((snapshot) => snapshot.name === idOrName)
    );
  }

  /** The one that a create means: by name, id or image name, and only an active one. */
  forCreate(wanted: string | undefined, organizationId: string): Outcome<Snapshot> {
    const name = wanted ?? defaultSnapshot;
    const snapshot =
      this.find(name, organizationId) ??
      this.list(organizationId).find((one) => one.imageName === name);
    if (snapshot === undefined) {
      return refuse(
        400,
        `Snapshot ${name} not found. Did you add it through the Daytona Dashboard?`,
      );
    }
    if (snapshot.state !== "active") return refuse(400, `Snapshot ${name} is ${snapshot.state}`);
    snapshot.lastUsedAt = new Date().toISOString();
    return done(snapshot);
  }

  create(name: unknown, imageName: unknown, organizationId: string): Outcome<Snapshot> {
    const problem = this.nameProblem(name, organizationId);
    if (problem !== undefined) return { ok: false, refusal: problem };
    const like = typeof imageName === "string" ? this.find(imageName, organizationId) : undefined;
    if (like?.seedDir === "") {
      return this.#addAs(name, organizationId, { imageName: like.name, rootDir: like.rootDir });
    }
    if (typeof imageName !== "string" || !isAbsolute(imageName)) {
      return refuse(
        400,
        "this platform has no image registry: imageName must be the absolute path of a root " +
          'directory, or the name of a snapshot that is one ("default" is this machine\'s)',
      );
    }
    if (resolve(imageName) === "/") return refuse(400, "the host's own root is no snapshot");
    for (const part of ["bin/sh", "usr/bin/env", "usr/bin/prlimit", "usr/bin/setpriv", "etc"]) {
      if (!isThere(join(imageName, part))) {
        return refuse(400, `${imageName} is no usable root directory: ${part} is missing`);
      }
    }
    return this.#addAs(name, organizationId, { imageName, rootDir: imageName });
  }

  #addAs(
    name: unknown,
    organizationId: string,
    root: Pick<Snapshot, "imageName" | "rootDir">,
  ): Outcome<Snapshot> {
    const own = { organizationId, general: false, createdAt: new Date().toISOString() };
    const snapshot = { ...builtIn(randomUUID(), String(name)), ...own, ...root };
    this.#all.set(snapshot.id, snapshot);
    this.#save();
    return done(snapshot);
  }

  nameProblem(name: unknown, organizationId: string): Refusal | undefined {
    if (typeof name !== "string" || name === "") {
      return { status: 400, message: "name should not be empty" };
    }
    if (this.find(name, organizationId) === undefined) return undefined;
    return { status: 409, message: `Snapshot with name "${name}" already exists` };
  }

  add(snapshot: Omit<Snapshot, "general" | "state" | "createdAt" | "lastUsedAt">): void {
    const createdAt = new Date().toISOString();
    const more = { general: false, state: "active", createdAt, lastUsedAt: null } as const;
    this.#all.set(snapshot.id, { ...snapshot, ...more });
    this.#save();
  }

  /** Answered while it is pending, as Daytona does: it becomes active once `ready` resolves. */
  activate(snapshot: Snapshot, ready: () => Promise<boolean>): Outcome<Snapshot> {
    const { name, state } = snapshot;
    if (state === "active") return refuse(400, `Snapshot ${name} is already active`);
    if (state !== "inactive") {
      return refuse(400, `Snapshot ${name} cannot be activated - it is in ${state} state`);
    }
    this.setState(snapshot, "pending");
    void ready().then((goesOn) => {
      if (goesOn && snapshot.state === "pending") this.setState(snapshot, "active");
    });
    return done(snapshot);
  }

  setState(snapshot: Snapshot, state: Snapshot["state"]): void {
    snapshot.state = state;
    this.#save();
  }

  remove(snapshot: Snapshot): Outcome<Snapshot> {
    if (snapshot.general) return refuse(403, `Snapshot ${snapshot.name} is built in`);
    this.#all.delete(snapshot.id);
    if (snapshot.seedDir !== "") rmSync(snapshot.seedDir, { recursive: true, force: true });
    this.#save();
    return done(snapshot);
  }

  /** Built-in ones are stored only for their state. */
  #save(): void {
    writeJsonFile(this.#file, { format: 1, snapshots: [...this.#all.values()] });
  }
}

export function snapshotDto(snapshot: Snapshot): SnapshotDto {
  const dto = {
    id: snapshot.id,
    organizationId: snapshot.organizationId,
    general: snapshot.general,
    name: snapshot.name,
    imageName: snapshot.imageName,
    state: snapshot.state,
    size: null,
    entrypoint: null,
    cpu: 1,
    gpu: 0,
    mem: 1,
    disk: 3,
    errorReason: null,
    createdAt: snapshot.createdAt,
    updatedAt: snapshot.createdAt,
    lastUsedAt: snapshot.lastUsedAt,
    sourceSandboxId: snapshot.sourceSandboxId,
    sandboxClass: "linux-vm",
    regionIds: [region],
  };
  // On the wire dates are texts; the generated type describes what no client of it makes of them.
  return dto as unknown as SnapshotDto;
}

function builtIn(id: string, name: string): Snapshot {
  return {
    id,
    organizationId: firstOrganizationId,
    name,
    imageName: name,
    general: true,
    state: "active",
    rootDir: "",
    seedDir: "",
    sourceSandboxId: null,
    createdAt: builtInSince,
    lastUsedAt: null,
  };
}

/** A link counts also when it only resolves inside the root. */
function isThere(path: string): boolean {
  if (existsSync(path)) return true;
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}
