import { describe, expect, test } from "vitest";
import { agoText, ageText, leftText } from "../../src/web/age-text.ts";
import { plainText } from "../../src/web/plain-text.ts";
import { callOf, curlOf, whyNot, type Action } from "../../src/web/session-actions.ts";
import { takeToken, type TokenPlaces } from "../../src/web/sign-in.ts";
import type { SessionState } from "../../src/client/api-types.ts";

test.each([
  [-5_000, "now"],
  [999, "now"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [47 * 3_600_000, "47 h"],
  [48 * 3_600_000, "2 d"],
])("an age of %i ms is %s", (ageMs, text) => {
  expect(ageText(ageMs)).toBe(text);
});

test("ages and deadlines are phrases", () => {
  expect([agoText(10), agoText(3_200)]).toEqual(["just now", "3 s ago"]);
  expect([leftText(0), leftText(400), leftText(90_000)]).toEqual([
    "due now",
    "1 s left",
    "1 min left",
  ]);
});

test("text of a stranger keeps its letters and loses its tricks", () => {
  expect(plainText("ok\u001b[31m\u0007")).toBe("ok\\u{1b}[31m\\u{07}");
  expect(plainText("a\u202eb\u2066c\u200bd")).toBe("a\\u{202e}b\\u{2066}c\\u{200b}d");
  expect(plainText("zwei\nZeilen\tüber 漢字 <b>")).toBe("zwei\nZeilen\tüber 漢字 <b>");
});

describe("what can be asked", () => {
  const possible = (state: SessionState, detail: string): Action[] =>
    (["pause", "resume", "retry", "remove"] as const).filter(
      (action) => whyNot(action, { state, detail }) === null,
    );

  test.each<[SessionState, string, Action[]]>([
    ["creating", "creating.requesting", ["remove"]],
    ["resuming", "resuming.watching", ["remove"]],
    ["nudging", "nudging.proving", ["remove"]],
    ["connected", "connected.suspect", ["pause", "remove"]],
    ["suspended", "suspended.requesting", ["remove"]],
    ["suspended", "suspended.paused", ["resume", "remove"]],
    ["error", "error.final", ["retry", "remove"]],
    ["ended", "ended.cleaning", []],
  ])("in %s (%s): %j", (state, detail, wanted) => {
    expect(possible(state, detail)).toEqual(wanted);
  });

  test("the exact call, with the token as a variable", () => {
    expect(curlOf(callOf("pause", "demo"), "http://hub")).toBe(
      'curl -X POST -H "Authorization: Bearer $HOLDFAST_TOKEN" http://hub/v1/sessions/demo/pause',
    );
    expect(callOf("remove", "a/b")).toEqual({ method: "DELETE", path: "/v1/sessions/a%2Fb" });
  });
});

describe("the token", () => {
  function places(hash: string, kept: string | null) {
    const shelf = new Map<string, string>();
    if (kept !== null) shelf.set("holdfast.token", kept);
    const seen = {
      url: null as string | null,
      get kept() {
        return shelf.get("holdfast.token") ?? null;
      },
    };
    const given: TokenPlaces = {
      location: { hash },
      history: { replaceState: (_, __, url) => (seen.url = url) },
      sessionStorage: {
        getItem: (key) => shelf.get(key) ?? null,
        setItem: (key, value) => void shelf.set(key, value),
        removeItem: (key) => void shelf.delete(key),
      },
    };
    return { given, seen };
  }

  test("of the link is kept for the tab and leaves the address", () => {
    const { given, seen } = places("#token=hf_new", "hf_old");
    expect(takeToken(given)).toBe("hf_new");
    expect(seen).toEqual({ url: "/", kept: "hf_new" });
  });

  test("of the tab is used when the link has none, and the address stays", () => {
    const { given, seen } = places("", "hf_old");
    expect(takeToken(given)).toBe("hf_old");
    expect(seen.url).toBeNull();
  });

  test("that is empty in the link is removed from the address and changes nothing", () => {
    const { given, seen } = places("#token=", "hf_old");
    expect(takeToken(given)).toBe("hf_old");
    expect(seen).toEqual({ url: "/", kept: "hf_old" });
  });
});
