/**
 * The audit log in the state directory: `audit.jsonl`, one entry a line, older parts beside it
 * under the number of their last entry, and `audit.head`, which knows how far the chain went. So a
 * tail that was cut off is seen, too.
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { HubError } from "../../base/hub-error.ts";
import { ChainReader, readEntry, ROOT, type AuditEntry, type Head } from "./audit-chain.ts";

const CURRENT = "audit.jsonl";
const HEAD = "audit.head";
const PART = /^audit-\d{12}\.jsonl$/;
/** A part that an editor still opens. */
const PART_BYTES_MAX = 64 * 1024 * 1024;
/** An entry is far shorter: the last one is in here. */
const TAIL_BYTES = 64 * 1024;
const NEWLINE = 10;

export class AuditFile {
  readonly #home: string;
  #file: number;
  readonly #headFile: number;
  #bytes: number;
  head: Head;
  /** The head that was known before this start, when the file has less than that. */
  readonly lost: Head | null;

  /** @throws HubError StoreCorrupt, HomeNotWritable */
  constructor(home: string) {
    this.#home = home;
    try {
      this.#file = openSync(join(home, CURRENT), "a+", 0o600);
      this.#headFile = openSync(
        join(home, HEAD),
        existsSync(join(home, HEAD)) ? "r+" : "w+",
        0o600,
      );
    } catch (cause) {
      throw new HubError("HomeNotWritable", `the audit log: ${String(cause)}`, { cause });
    }
    this.#bytes = fstatSync(this.#file).size;
    this.head = this.#lastEntry() ?? this.#headOfParts();
    const known = readHead(readFileSync(join(home, HEAD), "utf8"));
    this.lost = known !== null && known.n > this.head.n ? known : null;
  }

  /** @throws HubError StoreRefuses: who cannot write it down does not do it. */
  append(entry: AuditEntry, isDurable: boolean): void {
    try {
      if (this.#bytes > PART_BYTES_MAX) this.#turn();
      const line = Buffer.from(`${JSON.stringify(entry)}\n`);
      // One write: a process that dies leaves the whole line or none of it.
      if (writeSync(this.#file, line) !== line.length) throw new Error("the disk took half a line");
      if (isDurable) fdatasyncSync(this.#file);
      this.#bytes += line.length;
      this.head = { n: entry.n, hash: entry.hash };
      writeSync(this.#headFile, headText(this.head), 0);
    } catch (cause) {
      this.#undo();
      throw new HubError("StoreRefuses", `the audit log takes no entry: ${String(cause)}`, {
        cause,
      });
    }
  }

  /** The newest entries, oldest first. */
  tail(count: number): AuditEntry[] {
    const lines = this.#tail().toString("utf8").split("\n");
    return lines.flatMap((line) => readEntry(line) ?? []).slice(-count);
  }

  close(): void {
    closeSync(this.#file);
    closeSync(this.#headFile);
  }

  /** Half a line would break the chain for all that follow. */
  #undo(): void {
    try {
      ftruncateSync(this.#file, this.#bytes);
    } catch {
      // The disk takes nothing at all; the refusal tells of that.
    }
  }

  #turn(): void {
    closeSync(this.#file);
    const name = `audit-${String(this.head.n).padStart(12, "0")}.jsonl`;
    renameSync(join(this.#home, CURRENT), join(this.#home, name));
    this.#file = openSync(join(this.#home, CURRENT), "a+", 0o600);
    this.#bytes = 0;
  }

  #tail(): Buffer {
    const from = Math.max(0, this.#bytes - TAIL_BYTES);
    const bytes = Buffer.alloc(this.#bytes - from);
    readSync(this.#file, bytes, 0, bytes.length, from);
    return bytes;
  }

  /** What a power cut left of a line is cut off; a whole line that is wrong is not believed. */
  #lastEntry(): Head | null {
    const bytes = this.#tail();
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    const torn = bytes.length - end;
    if (torn > 0) ftruncateSync(this.#file, (this.#bytes -= torn));
    if (end === 0) return null;
    const lines = bytes.toString("utf8", 0, end - 1).split("\n");
    const last = lines.at(-1) ?? "";
    const entry = readEntry(last);
    if (entry !== null) return entry;
    const path = join(this.#home, CURRENT);
    throw new HubError("StoreCorrupt", `${path}: its last entry was changed`, {
      hint: "`holdfast audit verify` says where. Move the file away; a new chain begins then.",
    });
  }

  #headOfParts(): Head {
    const last = partsOf(this.#home).at(-1);
    if (last === undefined) return ROOT;
    const lines = readFileSync(join(this.#home, last), "utf8").trimEnd().split("\n");
    return readEntry(lines.at(-1) ?? "") ?? ROOT;
  }
}

export interface Verified {
  readonly entries: number;
  readonly head: Head;
  /** Empty when the chain is whole. */
  readonly findings: readonly string[];
}

/** Follows the whole chain, from its first part to its head. */
export function verifyAudit(home: string): Verified {
  const chain = new ChainReader();
  for (const name of [...partsOf(home), CURRENT]) {
    if (!existsSync(join(home, name))) continue;
    for (const line of readFileSync(join(home, name), "utf8").split("\n")) {
      const wrong = line === "" ? null : chain.read(line);
      if (wrong !== null) return result(chain, [`${name}: ${wrong}`]);
    }
  }
  const known = existsSync(join(home, HEAD)) ? readFileSync(join(home, HEAD), "utf8") : "";
  const head = readHead(known);
  const { n } = chain.head;
  if (head === null) return result(chain, n === 0 ? [] : [`${HEAD} is missing or was changed`]);
  const isCut = head.n > n;
  const missing = `${CURRENT} ends with entry ${n}, and there were ${head.n}: its end is missing`;
  const isOther = head.n === n && head.hash !== chain.head.hash;
  return result(chain, isCut ? [missing] : isOther ? [`${HEAD} knows another entry ${n}`] : []);
}

function result({ head }: ChainReader, findings: readonly string[]): Verified {
  return { entries: head.n, head, findings };
}

function partsOf(home: string): string[] {
  return readdirSync(home)
    .filter((name) => PART.test(name))
    .sort();
}

/** Of one length, so that a write in place leaves nothing of the one before. */
function headText({ n, hash }: Head): string {
  return `${String(n).padStart(16, "0")} ${hash}\n`;
}

function readHead(text: string): Head | null {
  const [, n = "", hash = ""] = /^(\d{16}) ([0-9a-f]{64})\n$/.exec(text) ?? [];
  return n === "" ? null : { n: Number(n), hash };
}
