import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KeptOutput, LivePieces } from "../../../src/hub/work/kept-output.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function keep(bytesMax: number, ...parts: readonly Uint8Array[]) {
  const kept = new KeptOutput(bytesMax);
  for (const part of parts) kept.add(part);
  return kept.read();
}

describe("what is kept of an output", () => {
  test("[WK4] all of it, when there is room", () => {
    const said = { text: "aä€", encoding: "utf8", bytes: 6, leftOutBytes: 0 };
    expect(keep(10, bytesOf("a"), bytesOf("ä€"))).toEqual(said);
    expect(keep(10)).toEqual({ text: "", encoding: "utf8", bytes: 0, leftOutBytes: 0 });
  });

  test("[WK4] its begin and its end, and how much is between, when there is not", () => {
    const { text, ...rest } = keep(4, bytesOf("abc"), bytesOf("defgh"), bytesOf("ij"));
    expect(text).toBe("ab\n[6 bytes left out]\nij");
    expect(rest).toEqual({ encoding: "utf8", bytes: 10, leftOutBytes: 6 });
    expect(keep(0, bytesOf("abc")).text).toBe("\n[3 bytes left out]\n");
  });

  test("[WK4] no half characters at the gap, and base64 for what is no text", () => {
    expect(keep(4, bytesOf("a€€€b")).text).toBe("a\n[9 bytes left out]\nb");
    expect(keep(10, new Uint8Array([0xff, 0xfe]))).toMatchObject({
      text: "//4=",
      encoding: "base64",
    });
    const cut = keep(4, new Uint8Array([0xff, 0xfe, 0, 1, 2, 3]));
    expect(cut).toEqual({ text: "//4=", encoding: "base64", bytes: 6, leftOutBytes: 4 });
  });

  test("[WK4] a gigabyte costs what was allowed", () => {
    const kept = new KeptOutput(1_000);
    const mebibyte = new Uint8Array(1024 * 1024).fill(120);
    for (let sent = 0; sent < 1024; sent++) kept.add(mebibyte);
    for (let sent = 0; sent < 1024; sent++) kept.add(mebibyte.subarray(0, 99));
    expect(kept.heldBytes).toBeLessThan(1_100);
    const { text, bytes } = kept.read();
    expect(bytes).toBe(1024 ** 3 + 1024 * 99);
    expect(text.length).toBeLessThan(1_100);
  });

  test("[WK4] nothing is lost or doubled, however the bytes are cut", () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 20 });
    fc.assert(
      fc.property(parts, fc.nat(40), (pieces, bytesMax) => {
        const whole = Buffer.concat(pieces);
        const kept = keep(bytesMax, ...pieces);
        expect(kept.bytes).toBe(whole.length);
        if (kept.leftOutBytes > 0) return;
        expect(Buffer.from(kept.text, kept.encoding === "utf8" ? "utf8" : "base64")).toEqual(whole);
      }),
    );
  });
});

test("[WK4] a live output is text where it is, with no character cut in two", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 5 }), { maxLength: 20 });
  const back = (piece: { text?: string; base64?: string } | null): Buffer =>
    piece === null
      ? Buffer.alloc(0)
      : piece.text !== undefined
        ? Buffer.from(piece.text)
        : Buffer.from(piece.base64 ?? "", "base64");
  fc.assert(
    fc.property(pieces, (parts) => {
      const live = new LivePieces();
      const told = parts.map((part) => back(live.push(part)));
      expect(Buffer.concat([...told, back(live.end())])).toEqual(Buffer.concat(parts));
    }),
  );
  const euro = bytesOf("€");
  const live = new LivePieces();
  expect(live.push(euro.slice(0, 1))).toBeNull();
  expect(live.push(euro.slice(1))).toEqual({ text: "€" });
});
