/** docs/PROTOCOL.md says what the code does: every message, every code, the very bytes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encodeJson } from "../../src/protocol/bodies.ts";
import { CloseCodes } from "../../src/protocol/close-codes.ts";
import { Attach, DriverHello, parseControl } from "../../src/protocol/control.ts";
import { decodeFrame, FrameType } from "../../src/protocol/frame.ts";
import { ProtocolError } from "../../src/protocol/protocol-error.ts";
import { decodeVector, splitAttach } from "../../src/protocol/resume.ts";
import { OpenRequest, readCtl, Reset, ResetCode } from "../../src/protocol/services.ts";
import { commonFeatures, DRIVER_FEATURES, FEATURES } from "../../src/protocol/version.ts";
import { golden } from "./golden.ts";

const text = readFileSync(join(import.meta.dirname, "../../docs/PROTOCOL.md"), "utf8");
const rows = text.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));

describe("docs/PROTOCOL.md", () => {
  test("shows each message as it is written, byte for byte", () => {
    expect(golden.length).toBeGreaterThan(12);
    for (const [name, hex] of golden) expect(text).toContain(`| ${name} | \`${hex}\` |`);
  });

  test("names every frame type with its number", () => {
    for (const [name, type] of Object.entries(FrameType)) {
      const words = name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
      const row = rows.find(([, code]) => code === `0x${type.toString(16).padStart(2, "0")}`);
      expect(row?.[2]?.replaceAll("_", "")).toBe(words.replaceAll("_", ""));
    }
  });

  test("names every close code and what follows, every reset code, kind and feature", () => {
    const follows = { stop: "stops", retry: "dials again", "retry-later": "dials again after" };
    for (const { code, name, redial } of Object.values(CloseCodes)) {
      const row = rows.find(([, number]) => number === String(code));
      expect([row?.[2], row?.[3]?.startsWith(follows[redial])]).toEqual([name, true]);
    }
    for (const code of ResetCode.options) expect(text).toContain(`\`${code}\``);
    for (const { entries } of OpenRequest.options) {
      expect(text).toContain(`\`${entries.kind.literal}\``);
    }
    for (const feature of [...FEATURES, ...DRIVER_FEATURES])
      expect(text).toContain(`\`${feature}\``);
  });
});

describe("a peer that is newer or older", () => {
  const hello = {
    v: 1,
    role: "driver",
    session: "ses_1",
    impl: "holdfast-driver/9",
    features: ["resume", "teleport"],
    lastEpoch: null,
    instance: { pid: 1, startTicks: "1", bootId: "b", startedAt: 1, moon: "full" },
    reason: "start",
    clock: { wallMs: 1, monoMs: 1 },
    tomorrow: true,
  };

  test("says keys and features that are not known: the common ones are in force", () => {
    const read = parseControl(DriverHello, encodeJson(hello));
    expect(read).not.toHaveProperty("tomorrow");
    expect(commonFeatures(read.features)).toEqual(["resume"]);
    expect(commonFeatures([])).toEqual([]);
  });

  test("sends frames that may be skipped, controls, kinds and codes that are not known", () => {
    const skipped = new Uint8Array(8);
    skipped[0] = 0xfe;
    expect(decodeFrame(skipped)).toBeNull();
    expect(readCtl(encodeJson({ type: "teleport", to: "moon" }))).toBeNull();
    expect(() => readCtl(encodeJson({ type: "signal", signal: 5 }))).toThrow(ProtocolError);
    const reset = parseControl(Reset, encodeJson({ code: "ECLIPSE", message: "dark" }));
    expect(reset).toEqual({ code: "IO", message: "dark" });
    expect(() => parseControl(OpenRequest, encodeJson({ kind: "teleport" }))).toThrow(
      ProtocolError,
    );
  });

  test("attaches without a vector: it begins, and does not resume", () => {
    const body = encodeJson({ mode: "new", session: "demo", channelId: "c" });
    const { json, vector } = splitAttach(body);
    expect(decodeVector(vector)).toEqual([]);
    expect(parseControl(Attach, json)).toMatchObject({ attachSeq: 1, leaseMs: 0 });
  });

  test("tells a vector that cannot be: it is refused, and nothing is allocated for it", () => {
    const bad = [
      Uint8Array.of(0),
      Uint8Array.of(0xff, 0xff),
      Uint8Array.of(0, 1, 0, 0),
      new Uint8Array(2 + 48).fill(0).with(1, 1),
      new Uint8Array(2 + 96).fill(0).with(1, 2).with(5, 1).with(53, 1),
    ];
    for (const vector of bad) expect(() => decodeVector(vector)).toThrow(ProtocolError);
  });
});
