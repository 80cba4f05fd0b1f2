/**
 * What each request of SFTP does to the files of this sandbox. One request after the other, as the
 * one client sent them; the calls block, for there is nobody else to serve.
 */
import * as fs from "node:fs";
import { posix } from "node:path";
import {
  BrokenPacket,
  PacketReader,
  replies,
  Request,
  Status,
  u64,
  type Attributes,
  type NamedFile,
  type StatusCode,
} from "./sftp-packets.ts";

/** What OpenSSH takes for one packet, and what is left of it for data. */
export const PACKET_BYTES_MAX = 256 * 1024;
const DATA_BYTES_MAX = PACKET_BYTES_MAX - 1024;
const HANDLES_MAX = 1_024;
const NAMES_MAX = 128;
const NEW_FILE_MODE = 0o666;
const NEW_DIRECTORY_MODE = 0o777;
const MODE_BITS = 0o7777;
const MODE_LETTERS = ["r", "w", "x", "r", "w", "x", "r", "w", "x"];

type Handle =
  | { readonly kind: "file"; readonly fd: number; readonly append: boolean }
  | { readonly kind: "directory"; readonly path: string; names: string[] };

const Flag = { read: 1, write: 2, append: 4, create: 8, truncate: 16, exclusive: 32 } as const;

const EXTENSIONS = {
  "posix-rename@openssh.com": "1",
  "statvfs@openssh.com": "2",
  "hardlink@openssh.com": "1",
  "fsync@openssh.com": "1",
  "lsetstat@openssh.com": "1",
  "limits@openssh.com": "1",
} as const;

/** A failure that no call of the system made. */
class Refusal extends Error {
  readonly status: StatusCode;
  constructor(status: StatusCode, message: string) {
    super(message);
    this.status = status;
  }
}

/** Paths are kept as one character a byte: a name need not be UTF-8. */
type BytePath = string;
const nameOf = (bytes: Buffer): BytePath => bytes.toString("latin1");
const bytesOf = (path: BytePath): Buffer => Buffer.from(path, "latin1");

export class SftpFiles {
  readonly #handles = new Map<number, Handle>();
  #nextHandle = 0;

  /** The reply to one packet. */
  answer(packet: Buffer): Buffer {
    const reader = new PacketReader(packet);
    const type = reader.byte();
    if (type === Request.init) return replies.version(EXTENSIONS);
    const id = reader.u32();
    try {
      return this.#serve(type, id, reader) ?? replies.status(id, Status.ok, "Success");
    } catch (error) {
      return failure(id, error);
    }
  }

  #serve(type: number, id: number, reader: PacketReader): Buffer | null {
    const path = (): Buffer => reader.string();
    switch (type) {
      case Request.open:
        return replies.handle(id, this.#open(path(), reader.u32(), reader.attributes()));
      case Request.close:
        this.#close(this.#handle(reader));
        return null;
      case Request.read:
        return this.#read(id, this.#file(reader), reader.u64(), reader.u32());
      case Request.write:
        write(this.#file(reader), reader.u64(), reader.string());
        return null;
      case Request.lstat:
        return replies.attributes(id, fs.lstatSync(path()));
      case Request.stat:
        return replies.attributes(id, fs.statSync(path()));
      case Request.fstat:
        return replies.attributes(id, fs.fstatSync(this.#file(reader).fd));
      case Request.setstat:
        change(path(), reader.attributes());
        return null;
      case Request.fsetstat:
        changeOpen(this.#file(reader).fd, reader.attributes());
        return null;
      case Request.opendir:
        return replies.handle(id, this.#openDirectory(nameOf(path())));
      case Request.readdir:
        return this.#readDirectory(id, reader);
      default:
        return changeNames(type, id, reader) ?? this.#extended(type, id, reader);
    }
  }

  #extended(type: number, id: number, reader: PacketReader): Buffer | null {
    const name = type === Request.extended ? reader.string().toString("latin1") : "";
    switch (name) {
      case "posix-rename@openssh.com":
        fs.renameSync(reader.string(), reader.string());
        return null;
      case "hardlink@openssh.com":
        fs.linkSync(reader.string(), reader.string());
        return null;
      case "fsync@openssh.com":
        fs.fsyncSync(this.#file(reader).fd);
        return null;
      case "lsetstat@openssh.com":
        changeLink(reader.string(), reader.attributes());
        return null;
      case "statvfs@openssh.com":
        return filesystem(id, reader.string());
      case "limits@openssh.com": {
        const limits = [PACKET_BYTES_MAX, DATA_BYTES_MAX, DATA_BYTES_MAX, HANDLES_MAX];
        return replies.extended(id, ...limits.map(u64));
      }
      default:
        throw new Refusal(Status.unsupported, "Operation unsupported");
    }
  }

  #open(path: Buffer, flags: number, { mode }: Attributes): number {
    const { O_RDONLY, O_WRONLY, O_RDWR, O_APPEND, O_CREAT, O_TRUNC, O_EXCL } = fs.constants;
    const has = (flag: number): boolean => (flags & flag) !== 0;
    const access = has(Flag.write) ? (has(Flag.read) ? O_RDWR : O_WRONLY) : O_RDONLY;
    const how =
      access |
      (has(Flag.append) ? O_APPEND : 0) |
      (has(Flag.create) ? O_CREAT : 0) |
      (has(Flag.truncate) ? O_TRUNC : 0) |
      (has(Flag.exclusive) ? O_EXCL : 0);
    this.#checkRoom();
    const fd = fs.openSync(path, how, (mode ?? NEW_FILE_MODE) & MODE_BITS);
    return this.#keep({ kind: "file", fd, append: has(Flag.append) });
  }

  #openDirectory(path: BytePath): number {
    this.#checkRoom();
    const names = fs.readdirSync(bytesOf(path), { encoding: "buffer" }).map(nameOf);
    return this.#keep({ kind: "directory", path, names: [".", "..", ...names] });
  }

  #readDirectory(id: number, reader: PacketReader): Buffer {
    const handle = this.#handle(reader);
    if (handle.kind !== "directory") throw new Refusal(Status.failure, "no directory");
    const names = handle.names.splice(0, NAMES_MAX);
    if (names.length === 0) throw new Refusal(Status.eof, "End of file");
    return replies.names(
      id,
      names.map((name) => listed(handle.path, name)),
    );
  }

  #read(id: number, { fd }: { fd: number }, offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(Math.min(length, DATA_BYTES_MAX));
    const got = fs.readSync(fd, bytes, 0, bytes.length, offset);
    if (got === 0 && length > 0) throw new Refusal(Status.eof, "End of file");
    return replies.data(id, bytes.subarray(0, got));
  }

  #close(handle: Handle): void {
    for (const [id, kept] of this.#handles) if (kept === handle) this.#handles.delete(id);
    if (handle.kind === "file") fs.closeSync(handle.fd);
  }

  #checkRoom(): void {
    if (this.#handles.size >= HANDLES_MAX) throw new Refusal(Status.failure, "Too many open files");
  }

  #keep(handle: Handle): number {
    const id = this.#nextHandle++;
    this.#handles.set(id, handle);
    return id;
  }

  #handle(reader: PacketReader): Handle {
    const bytes = reader.string();
    const handle = bytes.length === 4 ? this.#handles.get(bytes.readUInt32BE(0)) : undefined;
    if (handle === undefined) throw new Refusal(Status.failure, "no such handle");
    return handle;
  }

  #file(reader: PacketReader): Handle & { kind: "file" } {
    const handle = this.#handle(reader);
    if (handle.kind !== "file") throw new Refusal(Status.failure, "no file");
    return handle;
  }
}

/** Requests about names; undefined for what is none of them. */
function changeNames(type: number, id: number, reader: PacketReader): Buffer | null {
  switch (type) {
    case Request.remove:
      fs.unlinkSync(reader.string());
      return replies.status(id, Status.ok, "Success");
    case Request.mkdir: {
      const path = reader.string();
      fs.mkdirSync(path, (reader.attributes().mode ?? NEW_DIRECTORY_MODE) & MODE_BITS);
      return replies.status(id, Status.ok, "Success");
    }
    case Request.rmdir:
      fs.rmdirSync(reader.string());
      return replies.status(id, Status.ok, "Success");
    case Request.rename: {
      const [from, to] = [reader.string(), reader.string()];
      // Of version 3: what is there is not replaced.
      if (fs.lstatSync(to, { throwIfNoEntry: false }) !== undefined) {
        throw new Refusal(Status.failure, "File exists");
      }
      fs.renameSync(from, to);
      return replies.status(id, Status.ok, "Success");
    }
    case Request.symlink: {
      // The target first, as OpenSSH has it, against the draft.
      const [target, path] = [reader.string(), reader.string()];
      fs.symlinkSync(target, path);
      return replies.status(id, Status.ok, "Success");
    }
    case Request.readlink:
      return oneName(id, fs.readlinkSync(reader.string(), { encoding: "buffer" }));
    case Request.realpath:
      return oneName(id, realPath(nameOf(reader.string())));
    default:
      return null;
  }
}

function oneName(id: number, name: Buffer): Buffer {
  return replies.names(id, [{ name, line: name, stat: null }]);
}

/** Its last part need not be there: it may be about to be made. */
function realPath(path: BytePath): Buffer {
  const absolute = posix.resolve(path === "" ? "." : path);
  const real = (at: BytePath): Buffer =>
    fs.realpathSync.native(bytesOf(at), { encoding: "buffer" });
  if (fs.lstatSync(bytesOf(absolute), { throwIfNoEntry: false }) !== undefined) {
    return real(absolute);
  }
  const parent = nameOf(real(posix.dirname(absolute)));
  return bytesOf(posix.join(parent, posix.basename(absolute)));
}

function write({ fd, append }: { fd: number; append: boolean }, offset: number, bytes: Buffer) {
  for (let done = 0; done < bytes.length;) {
    const position = append ? null : offset + done;
    done += fs.writeSync(fd, bytes, done, bytes.length - done, position);
  }
}

function change(path: Buffer, { size, owner, mode, times }: Attributes): void {
  if (size !== undefined) fs.truncateSync(path, size);
  if (mode !== undefined) fs.chmodSync(path, mode & MODE_BITS);
  if (times !== undefined) fs.utimesSync(path, times.access, times.change);
  if (owner !== undefined) fs.chownSync(path, owner.uid, owner.gid);
}

function changeOpen(fd: number, { size, owner, mode, times }: Attributes): void {
  if (size !== undefined) fs.ftruncateSync(fd, size);
  if (mode !== undefined) fs.fchmodSync(fd, mode & MODE_BITS);
  if (times !== undefined) fs.futimesSync(fd, times.access, times.change);
  if (owner !== undefined) fs.fchownSync(fd, owner.uid, owner.gid);
}

function changeLink(path: Buffer, { owner, times }: Attributes): void {
  if (times !== undefined) fs.lutimesSync(path, times.access, times.change);
  if (owner !== undefined) fs.lchownSync(path, owner.uid, owner.gid);
}

function filesystem(id: number, path: Buffer): Buffer {
  const { bsize, blocks, bfree, bavail, files, ffree } = fs.statfsSync(path, { bigint: true });
  // No call of Node tells the id, the flags and the longest name; the last is Linux's.
  const fields = [bsize, bsize, blocks, bfree, bavail, files, ffree, ffree, 0n, 0n, 255n];
  return replies.extended(id, ...fields.map(u64));
}

function listed(directory: BytePath, name: BytePath): NamedFile {
  const path = bytesOf(posix.join(directory, name));
  const bytes = bytesOf(name);
  // It may be gone since its name was read.
  const stat = fs.lstatSync(path, { throwIfNoEntry: false }) ?? null;
  if (stat === null) return { name: bytes, line: bytes, stat };
  const facts = `${modeText(stat)} ${stat.nlink} ${stat.uid} ${stat.gid} ${stat.size}`;
  const when = stat.mtime.toISOString().slice(0, 16).replace("T", " ");
  return { name: bytes, line: Buffer.concat([Buffer.from(`${facts} ${when} `), bytes]), stat };
}

function modeText(stat: fs.Stats): string {
  const kind = stat.isDirectory() ? "d" : stat.isSymbolicLink() ? "l" : "-";
  const bits = MODE_LETTERS.map((letter, at) => (stat.mode & (0o400 >> at) ? letter : "-"));
  return kind + bits.join("");
}

function failure(id: number, error: unknown): Buffer {
  if (error instanceof Refusal) return replies.status(id, error.status, error.message);
  if (error instanceof BrokenPacket) {
    return replies.status(id, Status.badMessage, error.message);
  }
  const { code, message } = error as NodeJS.ErrnoException;
  // Node's own refusal of an argument: a NUL in a path, a size that is none.
  return replies.status(id, statusOf(code ?? ""), message);
}

function statusOf(code: string): StatusCode {
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
    case "ELOOP":
      return Status.noSuchFile;
    case "EACCES":
    case "EPERM":
    case "EROFS":
    case "EFAULT":
      return Status.permissionDenied;
    case "ENAMETOOLONG":
    case "EINVAL":
    case "ERR_INVALID_ARG_VALUE":
      return Status.badMessage;
    default:
      return Status.failure;
  }
}
