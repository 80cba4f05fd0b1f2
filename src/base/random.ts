/** Where every random number comes from, so that a seed repeats a whole run. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** `length` random bytes. */
  bytes(length: number): Uint8Array;
}

export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};

/** sfc32 seeded from a string: small, fast, and the same on every machine. */
export function seededRandom(seed: string): Random {
  let [a, b, c, d] = seedWords(seed);
  const next32 = (): number => {
    const t = (a + b + d) >>> 0;
    d = (d + 1) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = ((c << 21) | (c >>> 11)) >>> 0;
    c = (c + t) >>> 0;
    return t;
  };
  for (let warmUp = 0; warmUp < 12; warmUp++) next32();
  return {
    next: () => next32() / 2 ** 32,
    bytes: (length) => {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at++) bytes[at] = next32() & 0xff;
      return bytes;
    },
  };
}

function seedWords(seed: string): [number, number, number, number] {
  const words: [number, number, number, number] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 1];
  for (let i = 0; i < seed.length; i++) {
    const at = (i % 3) as 0 | 1 | 2;
    words[at] = Math.imul(words[at] ^ seed.charCodeAt(i), 0x01000193) >>> 0;
  }
  return words;
}
