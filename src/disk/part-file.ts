/**
 * A file that comes in parts: bytes go into a file beside the target, which takes the target's
 * name when its SHA-256 is right. What an earlier attempt left is gone on with. Writes behind the
 * one who brings the bytes, so that the disk and the line work at the same time.
 */
import { createHash } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { lstat, open, realpath, rename, rm, stat, statfs, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DiskFault, diskFault, errnoOf } from "./disk-fault.ts";
import type { DiskGate } from "./disk-gate.ts";
import { kindOf } from "./file-look.ts";
import type { Digest } from "./file-source.ts";

/** Bytes that may wait for the disk before the bringer has to. */
const BEHIND_BYTES_MAX = 1024 * 1024;
const READ_BYTES = 256 * 1024;
/** A slow disk has minutes of writing in the kernel's memory. */
const SYNC_MS_MAX = 600_000;
/** Not setuid, setgid or sticky: whoever copies a file does not lend its rights. */
const MODE_BITS = 0o777;

export interface PartRequest {
  readonly target: string;
  /** Tells apart what is copied: another file for the same target begins anew. */
  readonly key: string;
  readonly size: number;
  readonly anew: boolean;
}

export class PartFile {
  /** Where bytes are wanted from, and the SHA-256 of those before. */
  from = 0;
  prefix = createHash("sha256").digest("hex");
  /** Called once when the disk refuses; after that bytes are forgotten. */
  onFail: (fault: DiskFault) => void = () => undefined;
  readonly #gate: DiskGate;
  readonly #target: string;
  readonly #path: string;
  /** What is replaced. */
  readonly #old: Stats | null;
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");
  #at = 0;
  #queue: Uint8Array[] = [];
  #behindBytes = 0;
  #waiters: (() => void)[] = [];
  #writing: Promise<void> | null = null;
  #failed: DiskFault | null = null;

  private constructor(gate: DiskGate, place: Place, file: FileHandle) {
    this.#gate = gate;
    this.#target = place.target;
    this.#path = place.part;
    this.#old = place.old;
    this.#file = file;
  }

  /** @throws DiskFault when nothing can be written there; nothing is left behind then. */
  static async open(gate: DiskGate, request: PartRequest): Promise<PartFile> {
    const place = await findPlace(gate, request);
    let file: FileHandle;
    try {
      // Whoever may write into the directory could lay a symlink there: it is not followed.
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
      file = await gate.run(() => open(place.part, flags, 0o600));
    } catch (error) {
      throw diskFault(error, dirname(place.part));
    }
    const part = new PartFile(gate, place, file);
    try {
      await part.#begin(request);
      return part;
    } catch (error) {
      await part.discard();
      throw diskFault(error, request.target);
    }
  }

  /** A promise means that the disk is behind. */
  write(bytes: Uint8Array): void | Promise<void> {
    if (this.#failed !== null) return;
    this.#queue.push(bytes);
    this.#behindBytes += bytes.length;
    this.#writing ??= this.#drain();
    if (this.#behindBytes < BEHIND_BYTES_MAX) return;
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Takes the target's name if everything came. @throws DiskFault, and nothing is left then */
  async commit(
    told: Digest,
    { mode, mtimeMs }: { readonly mode: number; readonly mtimeMs?: number | undefined },
  ): Promise<void> {
    await this.#writing;
    try {
      if (this.#failed !== null) throw this.#failed;
      const sha256 = this.#hash.digest("hex");
      if (told.bytes !== this.#at || told.sha256 !== sha256) {
        const came = `${this.#at} bytes with SHA-256 ${sha256} came`;
        throw new DiskFault("CORRUPT", `${came}, ${told.bytes} with ${told.sha256} were sent`);
      }
      await this.#gate.run(() => this.#dress(mode, mtimeMs));
      // A machine that loses its power must not keep the name and forget the bytes.
      await this.#gate.run(() => this.#file.datasync(), SYNC_MS_MAX);
      await this.#gate.run(() => rename(this.#path, this.#target));
    } catch (error) {
      await this.discard();
      throw diskFault(error, this.#target);
    }
    await this.#file.close();
  }

  /** Ends it and removes what came. */
  async discard(): Promise<void> {
    await this.keep();
    await rm(this.#path, { force: true });
  }

  /** Ends it; what came stays for the next attempt. */
  async keep(): Promise<void> {
    this.#failed ??= new DiskFault("CANCELLED", `${this.#target} is not written any more`);
    await this.#writing;
    await this.#file.close();
  }

  async #begin({ size, anew }: PartRequest): Promise<void> {
    const { size: thereBytes } = await this.#gate.run(() => this.#file.stat());
    if (anew || thereBytes > size) await this.#gate.run(() => this.#file.truncate(0));
    else await this.#readPrefix(thereBytes);
    this.from = this.#at;
    this.prefix = this.#hash.copy().digest("hex");
    // Of a small file its only write tells.
    if (size <= READ_BYTES) return;
    const free = await freeBytes(this.#gate, this.#path);
    if (free === null || free >= size - this.from) return;
    throw new DiskFault(
      "NO_SPACE",
      `${this.#target}: ${size - this.from} bytes are to come and ${free} are free (ENOSPC)`,
    );
  }

  async #readPrefix(endAt: number): Promise<void> {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    while (this.#at < endAt) {
      const length = Math.min(buffer.length, endAt - this.#at);
      const { bytesRead } = await this.#gate.run(() =>
        this.#file.read(buffer, 0, length, this.#at),
      );
      if (bytesRead === 0) return;
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.#at += bytesRead;
    }
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0 && this.#failed === null) {
      const lot = this.#queue;
      this.#queue = [];
      for (const bytes of lot) this.#hash.update(bytes);
      try {
        await this.#writeLot(lot);
      } catch (error) {
        this.#failed = diskFault(error, this.#target);
        this.onFail(this.#failed);
      }
      this.#behindBytes = this.#queue.reduce((sum, { length }) => sum + length, 0);
      const waiters = this.#waiters;
      this.#waiters = [];
      for (const resolve of waiters) resolve();
    }
    // In this very turn: whoever brings bytes in the next one must find that nobody writes.
    this.#writing = null;
  }

  /** A disk that is nearly full takes a part, and says so only at the next call. */
  async #writeLot(lot: readonly Uint8Array[]): Promise<void> {
    const total = lot.reduce((sum, { length }) => sum + length, 0);
    const { bytesWritten } = await this.#gate.run(() => this.#file.writev([...lot], this.#at));
    this.#at += bytesWritten;
    if (bytesWritten === total) return;
    let rest = Buffer.concat(lot).subarray(bytesWritten);
    while (rest.length > 0) {
      const part = rest;
      const written = await this.#gate.run(() => this.#file.write(part, 0, part.length, this.#at));
      this.#at += written.bytesWritten;
      rest = rest.subarray(written.bytesWritten);
    }
  }

  async #dress(mode: number, mtimeMs: number | undefined): Promise<void> {
    if (this.#old !== null) await this.#giveTo(this.#old);
    await this.#file.chmod(mode & MODE_BITS);
    if (mtimeMs !== undefined) await this.#file.utimes(mtimeMs / 1_000, mtimeMs / 1_000);
  }

  async #giveTo({ uid, gid }: Stats): Promise<void> {
    try {
      await this.#file.chown(uid, gid);
    } catch (error) {
      // Only root gives files away; anybody else's new file is his own, as with every copy.
      if (errnoOf(error) !== "EPERM") throw error;
    }
  }
}

interface Place {
  readonly target: string;
  readonly part: string;
  readonly old: Stats | null;
}

/** A symlink that leads to a file is written through; everything else that is no file is left. */
async function findPlace(gate: DiskGate, { target, key }: PartRequest): Promise<Place> {
  let old: Stats | null = null;
  let real = target;
  try {
    old = await gate.run(() => lstat(target));
    if (old.isSymbolicLink()) {
      real = await gate.run(() => realpath(target));
      old = await gate.run(() => stat(real));
    }
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw diskFault(error, target);
    if (old !== null) {
      throw new DiskFault("NOT_FOUND", `${target} is a symlink to what is not there (ENOENT)`);
    }
  }
  if (old !== null && !old.isFile()) {
    throw new DiskFault("WRONG_KIND", `${target} is a ${kindOf(old)}, and no file can replace it`);
  }
  return { target: real, part: partBeside(real, key), old };
}

/** The same for the same file, so that a later attempt finds what an earlier one left. */
export function partBeside(target: string, key: string): string {
  const id = createHash("sha256").update(`${key}\0${target}`).digest("hex").slice(0, 16);
  return join(dirname(target), `.holdfast-${id}.part`);
}

/** Null where the system does not say. */
async function freeBytes(gate: DiskGate, path: string): Promise<number | null> {
  // Not in Bun.
  if (typeof statfs !== "function") return null;
  const { bavail, bsize } = await gate.run(() => statfs(path));
  return bavail * bsize;
}
