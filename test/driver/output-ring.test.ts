import fc from "fast-check";
import { expect, test } from "vitest";
import { OutputRing } from "../../src/driver/services/output-ring.ts";

test("[TE1] a ring keeps the last part of what was written, under its absolute offsets", () => {
  let wrapped = 0;
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 40_000 }), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 20_000, max: 60_000 }),
      (lengths, bytesMax) => {
        const writes = lengths.map((length, n) => Buffer.alloc(length, n + 1));
        const ring = new OutputRing(bytesMax);
        for (const bytes of writes) ring.append(bytes);
        const all = Buffer.concat(writes);
        expect([ring.from, ring.to]).toEqual([Math.max(0, all.length - bytesMax), all.length]);
        const kept: Uint8Array[] = [];
        for (let at = ring.from; at < ring.to;) {
          const part = ring.read(at, 16_384).slice();
          expect(part.length).toBeGreaterThan(0);
          kept.push(part);
          at += part.length;
        }
        expect(Buffer.concat(kept).equals(all.subarray(ring.from))).toBe(true);
        if (ring.from > 0) wrapped += 1;
      },
    ),
  );
  expect(wrapped).toBeGreaterThan(10);
});
