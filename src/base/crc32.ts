/**
 * CRC-32 as zlib has it (IEEE 802.3). Two ends of a stream compare it over what one has received
 * and the other has sent, so that a resume never joins different bytes at equal offsets.
 */

/** `seed` is the CRC of what came before. Node's `zlib.crc32` has the same shape and is faster. */
export type Crc32 = (bytes: Uint8Array, seed: number) => number;

const POLYNOMIAL = 0xedb88320;
/** Four tables let one step take four bytes. */
const TABLES = 4;

const tables: readonly Uint32Array[] = makeTables();

export const crc32: Crc32 = (bytes, seed) => {
  const [t0, t1, t2, t3] = tables as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  let crc = ~seed;
  let at = 0;
  // Indices are bytes, and each table has 256 entries: the reads never miss.
  for (const end = bytes.length - 3; at < end; at += 4) {
    crc ^= word(bytes, at);
    crc = entry(t3, crc) ^ entry(t2, crc >>> 8) ^ entry(t1, crc >>> 16) ^ entry(t0, crc >>> 24);
  }
  for (; at < bytes.length; at++) crc = entry(t0, crc ^ byte(bytes, at)) ^ (crc >>> 8);
  return ~crc >>> 0;
};

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

function word(bytes: Uint8Array, at: number): number {
  return (
    byte(bytes, at) |
    (byte(bytes, at + 1) << 8) |
    (byte(bytes, at + 2) << 16) |
    (byte(bytes, at + 3) << 24)
  );
}

function entry(table: Uint32Array, index: number): number {
  return table[index & 0xff] as number;
}

function makeTables(): Uint32Array[] {
  const made = Array.from({ length: TABLES }, () => new Uint32Array(256));
  const [first] = made as [Uint32Array];
  for (let n = 0; n < 256; n++) {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    first[n] = crc;
  }
  for (let n = 0; n < 256; n++) {
    let crc = entry(first, n);
    for (const table of made.slice(1)) {
      crc = (crc >>> 8) ^ entry(first, crc);
      table[n] = crc;
    }
  }
  return made;
}
