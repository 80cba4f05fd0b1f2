/**
 * The bytes that one side has written and the other has not taken yet, by absolute offset, with
 * the CRC of everything before them. Bytes are copied into blocks of one size: small writes pin no
 * foreign memory, and a block is found by its number.
 */
import { assert } from "../base/assert.ts";
import type { Crc32 } from "../base/crc32.ts";

const BLOCK_BYTES = 64 * 1024;
/** Blocks grow to that: the first bytes of a stream are often all of them, a keystroke, a line. */
const GROWING_BYTES = [256, 4 * 1024, 16 * 1024] as const;
/** Blocks that were freed and are used again by whatever stream: 2 MiB of a process. */
const SPARE_BLOCKS_MAX = 32;
const spare: Uint8Array[] = [];

export class ReplayLog {
  /** Offset of the first byte that is kept. */
  baseOffset = 0;
  /** Offset behind the last byte. */
  endOffset = 0;
  readonly #crc32: Crc32;
  #baseCrc: number;
  /** The block that holds `baseOffset`, and those behind it. */
  #blocks: Uint8Array[] = [];
  #firstBlock = 0;

  /** `startCrc` is of what came before the first byte. */
  constructor(crc32: Crc32, startCrc: number) {
    this.#crc32 = crc32;
    this.#baseCrc = startCrc;
  }

  append(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      const room = BLOCK_BYTES - (this.endOffset % BLOCK_BYTES);
      const part = bytes.subarray(at, at + room);
      this.#lastBlock(part.length).set(part, this.endOffset % BLOCK_BYTES);
      this.endOffset += part.length;
      at += part.length;
    }
  }

  /** At most `lengthMax` bytes from `offset` on, as views of the blocks in which they lie. */
  views(offset: number, lengthMax: number): readonly Uint8Array[] {
    assert(offset >= this.baseOffset && offset <= this.endOffset, "offset is in the log");
    const end = Math.min(this.endOffset, offset + lengthMax);
    const views: Uint8Array[] = [];
    for (let at = offset; at < end;) {
      const view = this.#view(at, end - at);
      views.push(view);
      at += view.length;
    }
    return views;
  }

  /** Forgets everything before `offset`. */
  drop(offset: number): void {
    this.#baseCrc = this.crcAt(offset);
    this.baseOffset = offset;
    const first = Math.floor(offset / BLOCK_BYTES);
    const gone = Math.min(this.#blocks.length, first - this.#firstBlock);
    if (gone > 0) for (const block of this.#blocks.splice(0, gone)) free(block);
    this.#firstBlock = first;
    if (offset !== this.endOffset) return;
    for (const block of this.#blocks) free(block);
    this.#blocks.length = 0;
  }

  /** Forgets everything from `offset` on: it was never sent. */
  truncate(offset: number): void {
    assert(offset >= this.baseOffset && offset <= this.endOffset, "offset is in the log");
    this.endOffset = offset;
    const kept = offset === this.baseOffset ? 0 : Math.ceil(offset / BLOCK_BYTES);
    this.#blocks.length = Math.max(0, Math.min(this.#blocks.length, kept - this.#firstBlock));
  }

  /** CRC-32 up to `offset`, of bytes of which those before the base are gone. */
  crcAt(offset: number): number {
    assert(offset >= this.baseOffset && offset <= this.endOffset, "offset is in the log");
    const parts = this.views(this.baseOffset, offset - this.baseOffset);
    return parts.reduce((crc, part) => this.#crc32(part, crc), this.#baseCrc);
  }

  /** As many of these bytes as lie in the block of the first. */
  #view(offset: number, lengthMax: number): Uint8Array {
    const block = this.#blocks[Math.floor(offset / BLOCK_BYTES) - this.#firstBlock];
    assert(block !== undefined, "what is kept lies in a block");
    const start = offset % BLOCK_BYTES;
    return block.subarray(start, Math.min(BLOCK_BYTES, start + lengthMax));
  }

  /** The block that takes the next `length` bytes. */
  #lastBlock(length: number): Uint8Array {
    const number = Math.floor(this.endOffset / BLOCK_BYTES);
    if (this.#blocks.length === 0) this.#firstBlock = number;
    const index = number - this.#firstBlock;
    const start = this.endOffset % BLOCK_BYTES;
    const block = this.#blocks[index];
    if (block !== undefined && block.length >= start + length) return block;
    const small = GROWING_BYTES.find((bytes) => bytes >= start + length);
    const made = small === undefined ? takeBlock() : new Uint8Array(small);
    if (block !== undefined) made.set(block);
    this.#blocks[index] = made;
    return made;
  }
}

function takeBlock(): Uint8Array {
  return spare.pop() ?? new Uint8Array(BLOCK_BYTES);
}

/** Views of a block are of one turn, so nobody else knows it any more. */
function free(block: Uint8Array): void {
  if (block.length === BLOCK_BYTES && spare.length < SPARE_BLOCKS_MAX) spare.push(block);
}
