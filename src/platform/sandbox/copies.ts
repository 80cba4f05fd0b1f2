/**
 * Copies of a sandbox's files: a fork, which is another sandbox, and a snapshot, from which others
 * are made. What runs stands still while its files are read, so that a copy is one moment's; its
 * processes are not copied. Owns the copying; who may ask and when is in rules.ts.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { uidOf } from "../host.ts";
import type { Host } from "../host.ts";
import { topOf } from "../isolation/root-tree.ts";
import { run } from "../kernel/run.ts";
import { done, refuse } from "../outcome.ts";
import type { Outcome } from "../outcome.ts";
import type { Snapshot, Snapshots } from "../snapshots.ts";
import { isUsableName } from "./create-request.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { setPaused, treeOf } from "./processes.ts";
import type { SandboxRecord } from "./record.ts";
import type { Held, Registry } from "./registry.ts";
import { changeInProgress, copyRefusal } from "./rules.ts";

/** Gigabytes on a slow disk take minutes. */
const COPY_DEADLINE_MS = 600_000;

export interface CopyParts {
  host: Host;
  registry: Registry;
  lifecycle: Lifecycle;
  snapshots: Snapshots;
}

export async function fork(parts: CopyParts, held: Held, name: unknown): Promise<Outcome<Held>> {
  const refusal = copyRefusal("fork", held.record, held.pending);
  if (refusal !== undefined) return { ok: false, refusal };
  const wanted = name === undefined || name === null ? `fork-${randomUUID()}` : name;
  if (typeof wanted !== "string" || !isUsableName(wanted)) {
    return refuse(400, "name must be a short text without slash or control character");
  }
  const record = childOf(held.record, wanted, parts.registry.freeNumber());
  return parts.lifecycle.create(record, (top) =>
    whileStill(parts, held, "forking", () => copyTop(parts.host, held.record, top, record)),
  );
}

export async function snapshotOf(
  parts: CopyParts,
  held: Held,
  name: unknown,
): Promise<Outcome<Held>> {
  const refusal = copyRefusal("snapshot", held.record, held.pending);
  if (refusal !== undefined) return { ok: false, refusal };
  const { host, snapshots } = parts;
  const { record } = held;
  const { organizationId, lower } = record;
  const problem = snapshots.nameProblem(name, organizationId);
  if (problem !== undefined) return { ok: false, refusal: problem };
  const id = randomUUID();
  const seedDir = join(host.paths.data, "snapshots", id);
  mkdirSync(seedDir, { recursive: true, mode: 0o700 });
  const failed = await whileStill(parts, held, "snapshotting", () =>
    copyTop(host, record, seedDir, undefined),
  );
  if (failed !== undefined) {
    rmSync(seedDir, { recursive: true, force: true });
    return refuse(400, `Sandbox could not be copied: ${failed}`);
  }
  snapshots.add({
    id,
    organizationId,
    name: String(name),
    imageName: String(name),
    sourceSandboxId: record.id,
    rootDir: lower === host.lower ? "" : lower,
    seedDir,
  });
  return done(held);
}

/** The first files of a sandbox that is made from such a snapshot. */
export function fillFrom(host: Host, snapshot: Snapshot, record: SandboxRecord) {
  if (snapshot.seedDir === "") return undefined;
  return async (top: string): Promise<string | undefined> => {
    const copied = await copyTree(snapshot.seedDir, top);
    return copied ?? hand(host, top, undefined, record);
  };
}

/** The reason why it could not be copied, else undefined. */
async function copyTop(
  host: Host,
  from: SandboxRecord,
  top: string,
  to: SandboxRecord | undefined,
): Promise<string | undefined> {
  const copied = await copyTree(topOf(treeOf(host, from)), top);
  return copied ?? hand(host, top, from, to);
}

/** `cp -a` keeps what an overlay needs: extended attributes, and devices that stand for gaps. */
async function copyTree(from: string, to: string): Promise<string | undefined> {
  const args = ["-a", "--reflink=auto", "--", `${from}/.`, `${to}/`];
  const { code, stderr } = await run("cp", args, COPY_DEADLINE_MS);
  return code === 0 ? undefined : `cp: ${stderr.trim().slice(0, 200)}`;
}

/** What was one user's becomes another's; nobody's is the first number, which no sandbox has. */
async function hand(
  host: Host,
  dir: string,
  from: SandboxRecord | undefined,
  to: SandboxRecord | undefined,
): Promise<string | undefined> {
  const old = uidOf(host, from?.number ?? 0);
  const now = uidOf(host, to?.number ?? 0);
  if (old === undefined || now === undefined || old === now) return undefined;
  const args = ["-hR", `--from=${old}:${old}`, `${now}:${now}`, "--", dir];
  const { code, stderr } = await run("chown", args, COPY_DEADLINE_MS);
  return code === 0 ? undefined : `chown: ${stderr.trim().slice(0, 200)}`;
}

/** Holds the sandbox's lock, its state and its processes until the work is done. */
async function whileStill(
  { host, registry }: CopyParts,
  held: Held,
  state: "forking" | "snapshotting",
  work: () => Promise<string | undefined>,
): Promise<string | undefined> {
  const { record } = held;
  const before = record.state;
  if (held.pending) return changeInProgress;
  held.pending = true;
  record.state = state;
  // Written down before anything stands still: a platform that is killed now must wake it.
  registry.save(held);
  try {
    if (before === "started" && !(await setPaused(host, record, true))) {
      return "its processes could not be frozen";
    }
    return await work();
  } finally {
    if (before === "started") await setPaused(host, record, false);
    record.state = before;
    registry.save(held);
    held.pending = false;
  }
}

function childOf(parent: SandboxRecord, name: string, number: number): SandboxRecord {
  const now = new Date().toISOString();
  return {
    ...structuredClone(parent),
    id: randomUUID(),
    name,
    number,
    state: "creating",
    desiredState: "started",
    errorReason: null,
    createdAt: now,
    updatedAt: now,
    lastActivityAt: now,
    stoppedAt: null,
    destroyAt: null,
    previewToken: randomBytes(24).toString("base64url"),
    signingKey: randomBytes(32).toString("base64url"),
    merged: null,
    process: null,
    launchedPid: null,
  };
}
