/** The SFTP server that goes into sandboxes, packet by packet, on a directory of its own. */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SftpFiles } from "../../src/ssh/guest/sftp-files.ts";
import { PacketReader } from "../../src/ssh/guest/sftp-packets.ts";

let here: string;
let files: SftpFiles;
beforeEach(() => {
  here = mkdtempSync(join(tmpdir(), "hfsf-"));
  files = new SftpFiles();
});
afterEach(() => rmSync(here, { recursive: true, force: true }));

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
const string = (value: string | Buffer): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([u32(bytes.length), bytes]);
};
const NO_ATTRIBUTES = u32(0);

/** Its reply without length; type and id are read away. */
function ask(type: number, ...fields: readonly Buffer[]): { type: number; reader: PacketReader } {
  const reply = files.answer(Buffer.concat([Buffer.from([type]), u32(7), ...fields]));
  expect(reply.readUInt32BE(0)).toBe(reply.length - 4);
  const reader = new PacketReader(reply.subarray(4));
  const kind = reader.byte();
  expect(reader.u32()).toBe(7);
  return { type: kind, reader };
}
const statusOf = (...asked: Parameters<typeof ask>): number => {
  const { type, reader } = ask(...asked);
  expect(type).toBe(101);
  return reader.u32();
};
const openFile = (name: string | Buffer, flags: number): Buffer => {
  const path = Buffer.concat([Buffer.from(`${here}/`), Buffer.from(name)]);
  const { type, reader } = ask(3, string(path), u32(flags), NO_ATTRIBUTES);
  expect(type).toBe(102);
  return string(reader.string());
};
const READ = 1;
const WRITE_CREATE_TRUNCATE = 2 | 8 | 16;

test("[SSH3] a file is written and read at any offset, also one whose name is no UTF-8", () => {
  const name = Buffer.from([0x66, 0xff, 0xfe]);
  const handle = openFile(name, WRITE_CREATE_TRUNCATE);
  expect(statusOf(6, handle, u64(6n), string("world"))).toBe(0);
  expect(statusOf(6, handle, u64(0n), string("hello "))).toBe(0);
  expect(statusOf(4, handle)).toBe(0);
  expect(readdirSync(here, { encoding: "buffer" })[0]?.equals(name)).toBe(true);
  const again = openFile(name, READ);
  expect(ask(5, again, u64(4n), u32(4)).reader.string().toString()).toBe("o wo");
  expect(statusOf(5, again, u64(11n), u32(4))).toBe(1);
  expect(statusOf(4, again)).toBe(0);
  expect(statusOf(4, again)).toBe(4);
});

test("[SSH3] what is missing, there already or unknown has its status, and nothing is replaced", () => {
  writeFileSync(join(here, "a"), "a");
  writeFileSync(join(here, "b"), "b");
  const at = (name: string): Buffer => string(join(here, name));
  expect(statusOf(17, at("nothing"))).toBe(2);
  expect(statusOf(18, at("a"), at("b"))).toBe(4);
  expect(existsSync(join(here, "a"))).toBe(true);
  expect(statusOf(200, string("posix-rename@openssh.com"), at("a"), at("b"))).toBe(0);
  expect(existsSync(join(here, "a"))).toBe(false);
  expect(statusOf(200, string("nobody@knows"))).toBe(8);
  expect(statusOf(99)).toBe(8);
  expect(statusOf(17, string("nul\0nul"))).toBe(5);
  // A packet that announces more than it has.
  expect(statusOf(17, u32(500))).toBe(5);
  expect(statusOf(9, at("b"), u32(1 | 4), u64(10n), u32(0o600))).toBe(0);
  expect(statSync(join(here, "b"))).toMatchObject({ size: 10, mode: 0o100600 });
});

test("[SSH3] a directory is told in parts, and its end is told", () => {
  for (let i = 0; i < 300; i++) writeFileSync(join(here, `f${i}`), "");
  const { reader } = ask(11, string(here));
  const handle = string(reader.string());
  const names = new Set<string>();
  for (;;) {
    const { type, reader: part } = ask(12, handle);
    if (type === 101) {
      expect(part.u32()).toBe(1);
      break;
    }
    for (let left = part.u32(); left > 0; left--) {
      names.add(part.string().toString());
      part.string();
      part.attributes();
    }
  }
  expect(names.size).toBe(302);
});

test("[SSH3] a real path needs not be there yet, only its directory", () => {
  const name = (path: string): string => {
    const { reader } = ask(16, string(path));
    expect(reader.u32()).toBe(1);
    return reader.string().toString();
  };
  expect(name(`${here}/x/../new`)).toBe(join(here, "new"));
  expect(name(".")).toBe(process.cwd());
  expect(statusOf(16, string(`${here}/no/where`))).toBe(2);
});
