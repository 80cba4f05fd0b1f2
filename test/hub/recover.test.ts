/** From facts to a fresh machine: what a restart may do to a deadline. */
import { expect, test } from "vitest";
import { defaultPolicy } from "../../src/hub/session/policy.ts";
import { recover } from "../../src/hub/session/recover.ts";
import { newRecord } from "../../src/store/facts.ts";

const now = 1_000_000_000;
const record = newRecord("ses_1", "demo", { env: {}, labels: {} }, now - 5_000);

test.each([
  ["creating", defaultPolicy.healMs],
  ["nudging", defaultPolicy.healMs],
  ["suspended", defaultPolicy.pauseMs],
] as const)("[SM19] %s: a clock that was set back gives no hour more", (state, wholeMs) => {
  const before = { ...record, state, detail: `${state}.requesting` };
  const soon = { ...before, deadlineAt: now + 7_000 };
  expect(recover(soon, defaultPolicy, now).deadlineAt).toBe(now + 7_000);
  const far = { ...before, deadlineAt: now + 3_600_000 };
  expect(recover(far, defaultPolicy, now).deadlineAt).toBe(now + wholeMs);
});
