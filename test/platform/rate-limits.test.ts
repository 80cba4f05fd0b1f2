import { expect, test } from "vitest";
import { CallCounter } from "../../src/platform/api/rate-limits.ts";

const few = { authenticated: 5, "sandbox-create": 2, "sandbox-lifecycle": 5 };

test("each answer tells what is left of both limits and when they begin anew", () => {
  const { headers, over } = new CallCounter(few).count("sandbox-create", 1_000);
  expect(over).toBe(undefined);
  expect(headers).toEqual({
    "x-ratelimit-limit-authenticated": "5",
    "x-ratelimit-remaining-authenticated": "4",
    "x-ratelimit-reset-authenticated": "60",
    "x-ratelimit-limit-sandbox-create": "2",
    "x-ratelimit-remaining-sandbox-create": "1",
    "x-ratelimit-reset-sandbox-create": "60",
  });
});

test("past a limit a call is refused by its name until the minute is over", () => {
  const counter = new CallCounter(few);
  const overs = [0, 10_000, 20_000].map((ms) => counter.count("sandbox-create", ms));
  expect(overs.map(({ over }) => over)).toEqual([undefined, undefined, "sandbox-create"]);
  expect(overs[2]?.waitSeconds).toBe(40);
  expect(counter.count("authenticated", 30_000).over).toBe(undefined);
  expect(counter.count("sandbox-create", 60_000).over).toBe(undefined);
});
