/**
 * Packets of SFTP version 3 (draft-ietf-secsh-filexfer-02), as OpenSSH speaks it: reading requests
 * and writing replies. Names are bytes, because a filesystem's names are.
 */
export const Request = {
  init: 1,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  extended: 200,
} as const;

const Reply = {
  version: 2,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 201,
} as const;

export const Status = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  unsupported: 8,
} as const;
export type StatusCode = (typeof Status)[keyof typeof Status];

export interface Attributes {
  readonly size?: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly mode?: number;
  /** In seconds. */
  readonly times?: { readonly access: number; readonly change: number };
}

const HAS_SIZE = 1;
const HAS_OWNER = 2;
const HAS_MODE = 4;
const HAS_TIMES = 8;
const HAS_EXTENDED = 0x8000_0000;

/** A packet that ends before what it announces. */
export class BrokenPacket extends Error {}

export class PacketReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  byte(): number {
    return this.#take(1).readUInt8(0);
  }

  u32(): number {
    return this.#take(4).readUInt32BE(0);
  }

  /** Beyond 2^53 nothing of a file is exact, and no file is so long. */
  u64(): number {
    return Number(this.#take(8).readBigUInt64BE(0));
  }

  string(): Buffer {
    return this.#take(this.u32());
  }

  attributes(): Attributes {
    const flags = this.u32();
    const size = flags & HAS_SIZE ? { size: this.u64() } : {};
    const owner = flags & HAS_OWNER ? { owner: { uid: this.u32(), gid: this.u32() } } : {};
    const mode = flags & HAS_MODE ? { mode: this.u32() } : {};
    const times = flags & HAS_TIMES ? { times: { access: this.u32(), change: this.u32() } } : {};
    if (flags & HAS_EXTENDED) for (let left = this.u32() * 2; left > 0; left--) this.string();
    return { ...size, ...owner, ...mode, ...times };
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new BrokenPacket("the packet is too short");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

type Field = Buffer;

function u32(value: number): Field {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function u64(value: number | bigint): Field {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function string(value: Buffer | string): Field {
  const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
  return Buffer.concat([u32(bytes.length), bytes]);
}

export interface FileStat {
  readonly size: number;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
}

function attributes({ size, uid, gid, mode, atimeMs, mtimeMs }: FileStat): Field {
  const seconds = (ms: number): Field => u32(Math.floor(ms / 1_000));
  const flags = u32(HAS_SIZE | HAS_OWNER | HAS_MODE | HAS_TIMES);
  const fields = [flags, u64(size), u32(uid), u32(gid), u32(mode)];
  return Buffer.concat([...fields, seconds(atimeMs), seconds(mtimeMs)]);
}

function packet(type: number, ...fields: readonly Field[]): Buffer {
  const length = fields.reduce((sum, { length: own }) => sum + own, 1);
  return Buffer.concat([u32(length), Buffer.from([type]), ...fields]);
}

export interface NamedFile {
  readonly name: Buffer;
  /** As `ls -l` shows it. */
  readonly line: Buffer;
  readonly stat: FileStat | null;
}

const NO_ATTRIBUTES = u32(0);

export const replies = {
  version: (extensions: Readonly<Record<string, string>>): Buffer =>
    packet(Reply.version, u32(3), ...Object.entries(extensions).flat().map(string)),
  status: (id: number, code: StatusCode, message: string): Buffer =>
    packet(Reply.status, u32(id), u32(code), string(message), string("")),
  handle: (id: number, handle: number): Buffer =>
    packet(Reply.handle, u32(id), string(u32(handle))),
  data: (id: number, bytes: Buffer): Buffer => packet(Reply.data, u32(id), string(bytes)),
  names: (id: number, files: readonly NamedFile[]): Buffer => {
    const fields = files.flatMap(({ name, line, stat }) => {
      return [string(name), string(line), stat === null ? NO_ATTRIBUTES : attributes(stat)];
    });
    return packet(Reply.name, u32(id), u32(files.length), ...fields);
  },
  attributes: (id: number, stat: FileStat): Buffer =>
    packet(Reply.attrs, u32(id), attributes(stat)),
  extended: (id: number, ...fields: readonly Field[]): Buffer =>
    packet(Reply.extended, u32(id), ...fields),
};
