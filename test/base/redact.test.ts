import { expect, test } from "vitest";
import { createRedact, HIDDEN } from "../../src/base/redact.ts";

const SECRET = "hfp_0123456789abcdef";
const redact = createRedact([SECRET, "short", "hfp_0123456789"]);

test("hides every secret in every string, however deep, the longest first", () => {
  const said = { text: `key ${SECRET}, twice ${SECRET}`, raw: [1, [`hfp_0123456789.`]], at: null };
  const before = structuredClone(said);
  expect(redact(said)).toEqual({
    text: `key ${HIDDEN}, twice ${HIDDEN}`,
    raw: [1, [`${HIDDEN}.`]],
    at: null,
  });
  expect(said).toEqual(before);
});

test("words of few characters are no secrets", () => {
  expect(redact("in short")).toBe("in short");
});

test("what holds no secret is not copied", () => {
  const said = { detail: "the nonce came back", steps: [{ ok: true }] };
  expect(redact(said)).toBe(said);
  const shown = redact({ inner: said, key: SECRET });
  expect(shown.inner).toBe(said);
});
