import { expect, test } from "vitest";
import { listPage } from "../../src/platform/api/list-query.ts";
import { previewAddress } from "../../src/platform/api/preview.ts";
import { parsePlatformOptions } from "../../src/platform/options.ts";
import { newRecord, parseCreate } from "../../src/platform/sandbox/create-request.ts";
import type { SandboxRecord } from "../../src/platform/sandbox/record.ts";

const around = {
  organizationId: "o",
  number: 1,
  tier: "bwrap",
  rootKind: "overlay",
  lower: "/l",
  snapshotName: "s",
  network: "proxy",
} as const;

function record(
  name: string,
  createdAtMs: number,
  labels: Record<string, string> = {},
): SandboxRecord {
  const wish = parseCreate({ name, labels });
  if (!wish.ok) throw new Error(wish.refusal.message);
  return newRecord(wish.value, around, createdAtMs);
}

const records = ["a", "b", "c", "d", "e"].map((name, index) =>
  record(name, index * 1000, { odd: String(index % 2) }),
);

test("pages cover every record once, newest first, also where two are as old as each other", () => {
  const twins = [...records, record("f", 4000), record("g", 4000)];
  const seen: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page = listPage({ limit: "2", cursor }, twins);
    if (!page.ok) throw new Error(page.refusal.message);
    seen.push(...page.value.items.map((one) => one.name));
    cursor = page.value.nextCursor;
  }
  expect(seen.slice(-4)).toEqual(["d", "c", "b", "a"]);
  expect([...seen].sort()).toEqual(["a", "b", "c", "d", "e", "f", "g"]);
});

test("filters hold together", () => {
  const page = listPage({ labels: '{"odd":"1"}', name: "b", states: "creating,started" }, records);
  expect(page.ok && page.value.items.map((one) => one.name)).toEqual(["b"]);
  const none = listPage({ states: ["stopped"] }, records);
  expect(none.ok && none.value.items).toEqual([]);
});

test.each([
  [{ limit: "0" }, "limit must not be less than 1"],
  [{ limit: "201" }, "limit must not be greater than 200"],
  [{ labels: "{" }, "labels must be a JSON object"],
  [{ labels: '{"a":1}' }, "labels must be a JSON object"],
  [{ sort: "colour" }, "sort must be one of"],
  [{ cursor: "bm9wZQ" }, "cursor is not valid"],
])("a list with %j is refused", (query, message) => {
  const page = listPage(query, records);
  expect(page.ok ? "" : page.refusal.message).toContain(message);
});

test("a create without wishes gets Daytona's defaults", () => {
  const made = record("plain", 0);
  expect(made).toMatchObject({
    autoStopMinutes: 15,
    autoArchiveMinutes: 10_080,
    autoDeleteMinutes: -1,
    sandboxClass: "linux-vm",
    state: "creating",
    destroyAt: null,
  });
});

test("every mistake of a create is told at once", () => {
  const parsed = parseCreate({ name: 5, cpu: "two", labels: ["x"], autoStopInterval: -1 });
  expect(parsed.ok ? "" : parsed.refusal.message).toMatch(/name.*cpu.*autoStop|name.*labels.*cpu/);
});

test.each([
  ["8080-0a1b.localhost:3986", { port: 8080, label: "0a1b" }],
  ["1-abc-def.LOCALHOST", { port: 1, label: "abc-def" }],
  ["127.0.0.1:3986", undefined],
  ["localhost:3986", undefined],
  ["0-abc.localhost", undefined],
  ["70000-abc.localhost", undefined],
  ["8080-.localhost", undefined],
  [undefined, undefined],
])("host %s names %o", (host, address) => {
  expect(previewAddress(host)).toEqual(address);
});

test("flags over environment over default", () => {
  const home = parsePlatformOptions([], { HOLDFAST_HOME: "/h" });
  expect(home.ok && home.options.dataDir).toBe("/h/platform");
  const flag = parsePlatformOptions(["--data", "/d"], { HOLDFAST_HOME: "/h" });
  expect(flag.ok && flag.options.dataDir).toBe("/d");
  expect(parsePlatformOptions(["--colour"], {}).ok).toBe(false);
  expect(home.ok && home.options.faults).toBe(false);
  expect(parsePlatformOptions(["--faults", "maybe"], {})).toEqual({
    ok: false,
    problems: ["--faults maybe: expected on or off"],
  });
});
