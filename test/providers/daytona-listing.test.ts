/** Every sandbox of a listing of many pages, and what a listing says that is none. */
import { afterEach, describe, expect, test } from "vitest";
import { DaytonaProvider } from "../../src/providers/daytona/daytona.ts";
import { systemClock } from "../../src/base/clock.ts";
import {
  answeringApi,
  API_KEY,
  closeAnsweringApis,
  sandboxDto as dto,
} from "../support/answering-api.ts";

afterEach(closeAnsweringApis);

const labels = { "holdfast/hub": "hub_1" };
const row = (n: number, more = {}) => dto({ id: `id-${n}`, name: `box-${n}`, labels, ...more });

/** Answers with these pages, one after the other; a text is no JSON. */
async function paged(...pages: readonly (object | string)[]) {
  const asked: URL[] = [];
  const keys: (string | undefined)[] = [];
  const { api } = await answeringApi((request, response) => {
    asked.push(new URL(request.url ?? "", "http://x"));
    keys.push(request.headers.authorization);
    const page = pages[asked.length - 1] ?? pages.at(-1) ?? {};
    response.writeHead(200, { "content-type": "application/json" });
    response.end(typeof page === "string" ? page : JSON.stringify(page));
  });
  return { api, asked, keys };
}

test("[PV10] reads all pages of those with the labels, with the key", async () => {
  const at = "2026-01-02T03:04:05.000Z";
  const { api, asked, keys } = await paged(
    { items: [row(1, { createdAt: at }), row(2, { state: "paused" })], nextCursor: "a b" },
    { items: [row(3, { state: "on fire", labels: null })], nextCursor: null },
  );
  expect(await api.list(labels)).toEqual([
    { sandboxId: "id-1", name: "box-1", labels, createdAt: Date.parse(at), state: "started" },
    { sandboxId: "id-2", name: "box-2", labels, createdAt: null, state: "paused" },
    { sandboxId: "id-3", name: "box-3", labels: {}, createdAt: null, state: "unknown" },
  ]);
  expect(asked.map(({ pathname }) => pathname)).toEqual(["/sandbox", "/sandbox"]);
  const words = asked.map(({ searchParams }) => Object.fromEntries(searchParams));
  const first = { labels: JSON.stringify(labels), limit: "200" };
  expect(words).toEqual([first, { ...first, cursor: "a b" }]);
  expect(keys).toEqual([`Bearer ${API_KEY}`, `Bearer ${API_KEY}`]);
});

describe("[PV7] a listing that is none is the platform's fault", () => {
  test.for([
    ["a page of a proxy", "<html>"],
    ["null", "null"],
    ["no list", { items: { id: "x" } }],
    ["a row that is nothing", { items: [null] }],
    ["a row without a name", { items: [dto({ name: undefined })] }],
    ["pages in a circle", { items: [], nextCursor: "again" }],
  ] as const)("%s", async ([, page]) => {
    const { api } = await paged(page);
    await expect(api.list(labels)).rejects.toMatchObject({ code: "PlatformAnswerInvalid" });
  });
});

test.for([
  [401, "PlatformAuthRejected"],
  [429, "PlatformRateLimited"],
  [503, "PlatformDown"],
] as const)("[PV1] an answer of %i is its fault, without the key in it", async ([status, code]) => {
  const { api } = await answeringApi((_, response) => {
    response.writeHead(status, { "retry-after": "7" });
    response.end(JSON.stringify({ message: `not for ${API_KEY}` }));
  });
  const fault = await api.list(labels).catch((error: unknown) => error);
  expect(fault).toMatchObject({ code, outcomeUnknown: false });
  expect((fault as Error).message).toContain("[hidden]");
  expect(JSON.stringify(fault)).not.toContain(API_KEY);
  if (status === 429) expect(fault).toHaveProperty("retryAfter.waitMs", 7_000);
});

test.for(["fetch itself", "a way out of the hub's"] as const)(
  "[PV1] nobody listens, over %s: the platform is down",
  async (way) => {
    const ask: typeof fetch = () => Promise.reject(new Error("connect ECONNREFUSED"));
    const api = new DaytonaProvider({
      platform: "daytona",
      apiUrl: "http://127.0.0.1:9",
      apiKey: API_KEY,
      target: "t",
      clock: systemClock,
      callMs: 2_000,
      autoStopMs: null,
      ...(way === "fetch itself" ? {} : { ask }),
    });
    await expect(api.list(labels)).rejects.toMatchObject({ code: "PlatformDown" });
    await api.close();
  },
);
