/** What a profile tells is what the inspector sampled, without the time in which nothing ran. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { flameGraph } from "../../bench/flame-graph.ts";
import { callsOf, hottest, survivors, type Profile } from "../../bench/profile.ts";

const file = pathToFileURL(join(import.meta.dirname, "..", "..", "src", "hub", "a.ts")).href;
const frame = (functionName: string, url = "", lineNumber = 0) => ({
  callFrame: { functionName, url, lineNumber },
});

/** 60 ms of `work`, 20 of what it calls, 20 of the collector, and 900 of nothing. */
const profile: Profile = {
  nodes: [
    { id: 1, ...frame("(root)"), children: [2, 4, 5] },
    { id: 2, ...frame("work", file, 6), children: [3] },
    { id: 3, ...frame("parse<T>", "node:internal/url", 1) },
    { id: 4, ...frame("(garbage collector)") },
    { id: 5, ...frame("(idle)") },
  ],
  samples: [2, 3, 5, 4, 2],
  timeDeltas: [30_000, 20_000, 900_000, 20_000, 30_000],
};

test("tells each kind of code and each function by its own time", () => {
  expect(hottest(callsOf(profile))).toEqual([
    "60 % Holdfast",
    "0 % packages",
    "20 % JavaScript of Node",
    "0 % V8, C++ and the kernel",
    "20 % the collector of garbage",
    "60 % work src/hub/a.ts:7",
    "20 % parse<T> node:internal/url:2",
    "20 % (garbage collector)",
  ]);
});

test("draws a call as wide as it took with all that it called, and names no directory of here", () => {
  const svg = flameGraph("a & b", callsOf(profile));
  expect(svg).toContain("<title>a &amp; b</title>");
  expect(svg).toContain("work src/hub/a.ts:7: 80 %, itself 60 %");
  expect(svg).toMatch(/work src[^<]*<\/title><rect x="0" y="69" width="959.5"/);
  expect(svg).toMatch(/parse&lt;T&gt; node[^<]*<\/title><rect x="0" y="86" width="239.5"/);
  expect(svg).not.toContain("(idle)");
  expect(svg).not.toContain(import.meta.dirname);
});

test("tells who made what is still there: what was called, and for whom", () => {
  const inner = { ...frame("set", "node:internal/map", 3), selfSize: 700, children: [] };
  const keep = { ...frame("keep", file, 1), selfSize: 300, children: [inner] };
  const head = { ...frame("(root)"), selfSize: 0, children: [keep] };
  expect(survivors(head)).toEqual([
    "700 bytes set node:internal/map:4 < keep src/hub/a.ts:2",
    "300 bytes keep src/hub/a.ts:2",
  ]);
});
