/**
 * The judge of bench/history.ts, on histories that are made up: a good one in which all happens
 * that may, and bad ones of which each differs from it in one thing that must never be.
 */
import { describe, expect, test } from "vitest";
import { judge, type History } from "../../bench/history/judge.ts";
import { LineTally, PADDING } from "../../bench/history/line-tally.ts";

const row = (at: number, owner: string | null, fence: number, version: number, epoch: number) => ({
  session: "ses_1",
  at,
  owner,
  fence,
  version,
  writer: version === 1 ? "inc_a" : "inc_b",
  epochIssued: epoch,
  epoch,
});
const fact = (version: number) => {
  return { seq: version, session: "ses_1", version, kind: "probe.answered" };
};
const attached = (inc: string, epoch: number) => {
  return { inc, at: 10, seq: epoch, session: "ses_1", kind: "probe.answered", epoch };
};

/** Hub a makes a session, dies, and b goes on with it. */
const good: History = {
  witnessed: [row(10, "inc_a", 1, 1, 1), row(20, "inc_b", 2, 1, 1), row(30, "inc_b", 2, 2, 2)],
  facts: [fact(1), fact(2)],
  sessions: [{ id: "ses_1", version: 2 }],
  told: [attached("inc_a", 1), attached("inc_b", 2)],
  lives: [
    { hub: "a", inc: "inc_a", from: 0, to: 25 },
    { hub: "b", inc: "inc_b", from: 0, to: Infinity },
  ],
  calls: [
    { hub: "a", at: 15, method: "POST", path: "/toolbox/box-1/process/execute" },
    { hub: "b", at: 25, method: "POST", path: "/toolbox/box-1/process/execute" },
  ],
  streams: [
    { session: "ses_1", linesLost: 0, linesDoubled: 0, linesTorn: 0, broken: null, epochs: [1, 2] },
  ],
  sandboxes: [{ id: "box-1", name: "holdfast-ses-1-1" }],
  owned: new Set(["holdfast-ses-1-1"]),
  sessionOfSandbox: new Map([["box-1", "ses_1"]]),
  mayBeLost: [],
  created: [{ name: "one", at: 10 }],
  names: new Set(["one"]),
};
const stream = (wrong: object) => good.streams.map((one) => ({ ...one, ...wrong }));
const last = row(40, "inc_b", 2, 2, 2);

describe("the judge of a history of several hubs", () => {
  test("a death and a take-over are nothing wrong", () => {
    expect(judge(good)).toEqual({
      chainBreaks: [],
      doubleOwners: [],
      factsLost: [],
      factsLostWithTheLag: 0,
      bytesWrong: [],
      streamsBroken: [],
      orphans: [],
      sandboxesLostWithTheLag: [],
      callsBySuperseded: [],
    });
  });

  test.each<[string, Partial<History>, object]>([
    [
      "a fact is missing between two others",
      { facts: [fact(2)], told: [] },
      { chainBreaks: ["ses_1: fact 2 stands where 1 should", "ses_1: 1 facts, its row says 2"] },
    ],
    [
      "an epoch goes back in the store",
      { witnessed: [...good.witnessed, { ...last, epoch: 1 }] },
      { chainBreaks: ["ses_1: epoch went from 2 to 1"] },
    ],
    [
      "a client is given an older driver",
      { streams: stream({ epochs: [1, 2, 1] }) },
      { chainBreaks: ["ses_1: a client saw epoch 2, then 1"] },
    ],
    [
      "two hubs have one fence",
      { witnessed: [...good.witnessed, { ...last, owner: "inc_c" }] },
      { doubleOwners: ["ses_1 fence 2: inc_b and inc_c"] },
    ],
    [
      "a hub keeps a fact of a session that it does not have",
      { witnessed: [...good.witnessed.slice(0, 2), { ...last, writer: "inc_a" }] },
      { doubleOwners: ["ses_1 fence 2: inc_a kept a fact, inc_b has it"] },
    ],
    [
      "a driver confirms one epoch to two hubs",
      { told: [attached("inc_a", 2), attached("inc_b", 2)] },
      { doubleOwners: ["ses_1 epoch 2: attached to inc_a and to inc_b"] },
    ],
    [
      "a fact that was told is not there",
      { told: [{ ...attached("inc_b", 3), epoch: null }] },
      { factsLost: ["ses_1 3 probe.answered, told at 1970-01-01T00:00:00.010Z"] },
    ],
    [
      "a session that was acknowledged is not there",
      { names: new Set() },
      { factsLost: ["one, told at 1970-01-01T00:00:00.010Z"] },
    ],
    [
      "a client's stream lost a line",
      { streams: stream({ linesLost: 1 }) },
      { bytesWrong: ["ses_1: 1 lost"] },
    ],
    [
      "a client's stream broke",
      { streams: stream({ broken: "it ended with 9" }) },
      { streamsBroken: ["ses_1: it ended with 9"] },
    ],
    ["a sandbox is nobody's", { owned: new Set() }, { orphans: ["holdfast-ses-1-1"] }],
    [
      "a hub calls the platform for a session that another has",
      { calls: [{ hub: "a", at: 24, method: "DELETE", path: "/api/sandbox/box-1" }] },
      {
        callsBySuperseded: ["DELETE /api/sandbox/box-1 by a, 4 ms after its session was another's"],
      },
    ],
  ])("%s", (_, wrong, found) => {
    expect(judge({ ...good, ...wrong })).toEqual({ ...judge(good), ...found });
  });

  test("what was told while a copy lagged that took over is counted by itself", () => {
    const told = [{ ...attached("inc_b", 3), epoch: null }];
    const mayBeLost = [{ from: 5, to: 15 }];
    const found = judge({ ...good, told, mayBeLost });
    expect(found).toMatchObject({ factsLost: [], factsLostWithTheLag: 1 });
  });

  test("so is the sandbox of a session that the store forgot then", () => {
    const sandboxes = [...good.sandboxes, { id: "box-2", name: "holdfast-ses-2-1" }];
    const stray = ["holdfast-ses-2-1"];
    const mayBeLost = [{ from: 5, to: 15 }];
    expect(judge({ ...good, sandboxes })).toMatchObject({ orphans: stray });
    const found = judge({ ...good, sandboxes, mayBeLost });
    expect(found).toMatchObject({ orphans: [], sandboxesLostWithTheLag: stray });
  });
});

describe("the tally of numbered lines", () => {
  const line = (kind: string, n: number): string => `${kind} ${n} ${PADDING.slice(0, n % 97)}\n`;
  const whole = [1, 2, 3].map((n) => line("d", n) + line("u", n));
  const clean = { linesLost: 0, linesDoubled: 0, linesTorn: 0 };
  const tally = (...parts: string[]) => {
    const made = new LineTally();
    for (const part of parts) made.take(part);
    return made.end(3, true);
  };

  test("lines in order are whole, however they are cut", () => {
    const text = `${whole.join("")}e 3\n`;
    expect(tally(text)).toEqual(clean);
    expect(tally(...text.split(""))).toEqual(clean);
  });

  test.each<[string, string, object]>([
    ["one lost", `${whole[0]}${whole[2]}e 3\n`, { linesLost: 2 }],
    ["one twice", `${whole[0]}${whole.join("")}e 3\n`, { linesDoubled: 2 }],
    ["the last lost", `${whole.slice(0, 2).join("")}e 3\n`, { linesLost: 2 }],
    ["a byte lost", `${whole.join("").replace("abc", "ac")}e 3\n`, { linesTorn: 1, linesLost: 1 }],
    ["no end", whole.join(""), { linesTorn: 1 }],
  ])("%s", (_, text, wrong) => {
    expect(tally(text)).toEqual({ ...clean, ...wrong });
  });
});
