import { expect, test } from "vitest";
import { catalogue, faultNames } from "../../src/platform/faults/catalogue.ts";
import { parseWish } from "../../src/platform/faults/drill.ts";
import { Drills } from "../../src/platform/faults/drills.ts";
import { askedOf } from "../../src/platform/faults/requests.ts";

const log = { trace: no, debug: no, info: no, warn: no, error: no };
function no(): void {
  // Nothing of these tests is in a log.
}

function drillsWith(...bodies: object[]): Drills {
  const drills = new Drills(log);
  for (const body of bodies) {
    const wish = parseWish(body);
    if (!wish.ok) throw new Error(wish.refusal.message);
    drills.arm(wish.value, undefined);
  }
  return drills;
}

const box = { id: "1f", name: "demo-1" };
const hits = (drills: Drills, subject: typeof box | undefined): boolean =>
  drills.take("request", subject, () => true) !== undefined;

test("a drill of one sandbox leaves the others and calls without a sandbox alone", () => {
  const drills = drillsWith({ fault: "exec-500", sandbox: "demo-*" });
  expect(hits(drills, box)).toBe(true);
  expect(hits(drills, { id: "2f", name: "other" })).toBe(false);
  expect(hits(drills, undefined)).toBe(false);
});

test("a drill ends after its uses, and tells how many they were", () => {
  const drills = drillsWith({ fault: "api-500", times: 2 });
  expect([1, 2, 3].map(() => hits(drills, box))).toEqual([true, true, false]);
  expect(drills.list()).toMatchObject({ on: [], past: [{ uses: 2, ended: "used up" }] });
});

test("a drill with a probability bites as its seed says, again and again alike", () => {
  const run = (seed: string): boolean[] => {
    const drills = drillsWith({ fault: "api-500", probability: 0.5, seed });
    return Array.from({ length: 40 }, () => hits(drills, box));
  };
  expect(run("a")).toEqual(run("a"));
  expect(run("a")).not.toEqual(run("b"));
  expect(new Set(run("a")).size).toBe(2);
});

test("a drill that holds something up lets go when it is cleared", async () => {
  const drills = drillsWith({ fault: "create-stuck", times: 1 });
  const drill = drills.take("stuck", box, () => true);
  if (drill === undefined) throw new Error("the drill did not bite");
  expect(drills.take("stuck", box, () => true)).toBeUndefined();
  expect(drills.list().on).toHaveLength(1);
  const waited = drills.wait(drill);
  await drills.clear(() => true);
  expect(await waited).toBe("cleared");
  expect(drills.list()).toMatchObject({ on: [], past: [{ ended: "cleared", uses: 1 }] });
});

test("every mistake of a wish is told at once", () => {
  const wish = parseWish({ fault: "exec-5000", times: 0, probability: 2, tims: 1 });
  if (wish.ok) throw new Error("it was taken");
  for (const word of ["exec-5000", "exec-500,", "times must", "probability", "tims is no field"]) {
    expect(wish.refusal.message).toContain(word);
  }
  expect(parseWish({ fault: "frozen" })).toMatchObject({
    refusal: { status: 400, message: expect.stringContaining("sandbox is needed") as string },
  });
});

test.each([
  ["POST", "/api/sandbox", "create", undefined],
  ["GET", "/api/sandbox?limit=1", "list", undefined],
  ["GET", "/api/sandbox/x%20y", "read", "x y"],
  ["DELETE", "/api/sandbox/x", "delete", "x"],
  ["POST", "/api/sandbox/x/start", "start", "x"],
  ["POST", "/toolbox/x/process/execute", "exec", "x"],
  ["GET", "/toolbox/x/files?path=/", "files", "x"],
])("%s %s is a %s", (method, url, verb, sandbox) => {
  expect(askedOf(method, url)).toMatchObject({ verb, sandbox });
});

test("no drill can answer the question which drills are on", () => {
  for (const path of ["/api/_faults", "/api/_platform/info", "/api/health", "/api/config"]) {
    expect(askedOf("GET", path), path).toBeUndefined();
  }
});

test("every fault says in one line what is seen of it", () => {
  for (const fault of faultNames) expect(catalogue[fault].about.length, fault).toBeLessThan(80);
});
