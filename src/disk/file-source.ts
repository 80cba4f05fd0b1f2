/**
 * A file's bytes on their way to a stream, from an offset on, with the SHA-256 of the whole file.
 * One chunk is read while the one before it leaves. Does not know what the stream is for.
 */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import type { FileInfo } from "../protocol/file-services.ts";
import { DiskFault, diskFault } from "./disk-fault.ts";
import type { DiskGate } from "./disk-gate.ts";
import { fileInfo } from "./file-look.ts";

/** Large enough that a call costs little beside its bytes, small enough to be hashed at once. */
const CHUNK_BYTES = 256 * 1024;

/** Takes bytes by copying them; false means to wait before the next ones. */
export interface CopyingSink {
  write(bytes: Uint8Array): boolean;
  whenSent(): Promise<void>;
  readonly closed: boolean;
}

export interface Digest {
  readonly sha256: string;
  readonly bytes: number;
}

export class FileSource {
  readonly info: FileInfo;
  readonly #gate: DiskGate;
  readonly #file: FileHandle;
  #hash = createHash("sha256");
  #at = 0;

  private constructor(gate: DiskGate, file: FileHandle, info: FileInfo) {
    this.#gate = gate;
    this.#file = file;
    this.info = info;
  }

  /** Follows symlinks. @throws DiskFault when it is no file that can be read to its end. */
  static async open(gate: DiskGate, path: string): Promise<FileSource> {
    let file: FileHandle | null = null;
    try {
      // A device may do something when it is opened, so it is looked at before.
      mustBeFile(fileInfo(await gate.run(() => stat(path)), path));
      // A FIFO that takes its name in between must not keep the thread until somebody writes.
      const flags = constants.O_RDONLY | constants.O_NONBLOCK;
      const opened = await gate.run(() => open(path, flags));
      file = opened;
      const info = fileInfo(await gate.run(() => opened.stat()), path);
      mustBeFile(info);
      return new FileSource(gate, opened, info);
    } catch (error) {
      await file?.close();
      throw diskFault(error, path);
    }
  }

  /** Goes on at `from` if what is before it has this hash, else at 0. Returns where. */
  async resumeAt(from: number, prefix: string | undefined): Promise<number> {
    if (from === 0 || prefix === undefined || from > this.info.size) return 0;
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    while (this.#at < from) {
      const bytes = await this.#read(buffer, this.#at, from);
      if (bytes.length === 0) break;
      this.#at += bytes.length;
      this.#hash.update(bytes);
    }
    if (this.#at === from && this.#hash.copy().digest("hex") === prefix) return from;
    this.#hash = createHash("sha256");
    this.#at = 0;
    return 0;
  }

  /** Sends the rest; null when the sink closed before. @throws DiskFault */
  async pump(sink: CopyingSink): Promise<Digest | null> {
    // A file of the kernel says that it is empty, and is not: it is read until its end.
    const endAt = this.info.size === 0 ? Infinity : this.info.size;
    const chunkBytes = Math.min(CHUNK_BYTES, endAt);
    const buffers = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)] as const;
    let turn = 0;
    let reading = this.#read(buffers[0], this.#at, endAt);
    for (;;) {
      const bytes = await reading;
      if (sink.closed) return null;
      if (bytes.length === 0) break;
      this.#at += bytes.length;
      turn = 1 - turn;
      reading = this.#read(turn === 0 ? buffers[0] : buffers[1], this.#at, endAt);
      // Where it fails is told below; until then nobody waits for it.
      reading.catch(() => undefined);
      this.#hash.update(bytes);
      if (!sink.write(bytes)) await sink.whenSent();
    }
    if (endAt !== Infinity && this.#at < endAt) {
      const message = `${this.info.path} became shorter while it was read`;
      throw new DiskFault("CHANGED", `${message}: ${this.#at} of ${endAt} bytes`);
    }
    return { sha256: this.#hash.digest("hex"), bytes: this.#at };
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #read(buffer: Buffer, at: number, endAt: number): Promise<Buffer> {
    const length = Math.min(buffer.length, endAt - at);
    if (length === 0) return buffer.subarray(0, 0);
    try {
      const { bytesRead } = await this.#gate.run(() => this.#file.read(buffer, 0, length, at));
      return buffer.subarray(0, bytesRead);
    } catch (error) {
      throw diskFault(error, this.info.path);
    }
  }
}

function mustBeFile({ path, kind }: FileInfo): void {
  if (kind === "file") return;
  throw new DiskFault("WRONG_KIND", `${path} is a ${kind}, and only files can be read`);
}
