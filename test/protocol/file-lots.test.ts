import { expect, test } from "vitest";
import { decodeLot, encodeLot, LotRead, LotToWrite } from "../../src/protocol/file-lots.ts";

const seen = (size: number) => ({ size, mode: 0o644, mtimeMs: 1.5, sha256: "a".repeat(64) });

test("[FI7] a lot comes as it went, also where files miss in it or are empty", () => {
  const files = [seen(2), null, seen(0), seen(1)];
  const lot = encodeLot({ files }, Buffer.from("abc"));
  const { files: came, contents } = decodeLot(LotRead, lot);
  expect(came).toEqual(files);
  expect(contents.map((bytes) => Buffer.from(bytes).toString())).toEqual(["ab", "", "", "c"]);
});

test("[FI7] a lot whose parts do not add up, or whose head is none, is refused", () => {
  const files = [{ path: "a", ...seen(3) }];
  const whole = encodeLot({ files }, Buffer.from("abc"));
  expect(decodeLot(LotToWrite, whole).files).toEqual(files);
  for (const wrong of [whole.subarray(0, -1), Buffer.concat([whole, Buffer.alloc(1)])]) {
    expect(() => decodeLot(LotToWrite, wrong)).toThrow(/does not add up/);
  }
  expect(() => decodeLot(LotToWrite, whole.subarray(0, 3))).toThrow(/not JSON/);
  expect(() => decodeLot(LotToWrite, encodeLot({ files: [null] }, Buffer.alloc(0)))).toThrow(
    /files/,
  );
  const less = encodeLot({ files: [seen(0)] }, Buffer.alloc(0));
  expect(() => decodeLot(LotToWrite, less)).toThrow(/files.0.path/);
});
