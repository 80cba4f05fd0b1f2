import { describe, expect, test } from "vitest";
import { copyPlan, finalPlace } from "../../src/cli/copy-places.ts";
import { progressLine } from "../../src/cli/copy-progress.ts";
import { bytesText } from "../../src/base/bytes-text.ts";

describe("[FI6] one side of a copy is in a session", () => {
  test.each([
    ["./a", "demo:/b", { direction: "up", session: "demo", from: "./a", to: "/b" }],
    ["demo:", ".", { direction: "down", session: "demo", from: "", to: "." }],
    ["demo:a:b", "x", { direction: "down", session: "demo", from: "a:b", to: "x" }],
    ["./demo:x", "ses_1:y", { direction: "up", session: "ses_1", from: "./demo:x", to: "y" }],
    ["acme/demo:/x", ".", { direction: "down", session: "acme/demo", from: "/x", to: "." }],
    ["a/b/c:x", "a/b:", { direction: "up", session: "a/b", from: "a/b/c:x", to: "" }],
    ["./a/b:x", "demo:", { direction: "up", session: "demo", from: "./a/b:x", to: "" }],
    ["../a:x", "demo:", { direction: "up", session: "demo", from: "../a:x", to: "" }],
  ])("%s %s", (from, to, plan) => expect(copyPlan(from, to)).toEqual(plan));

  test.each([
    ["a", "b", "no place is in a session"],
    ["a:x", "b:y", "both places are in sessions"],
    ["acme/Demo:x", "y", "no place is in a session"],
    ["/demo:x", "y", "no place is in a session"],
    ["acme/a:x", "b:y", "both places are in sessions"],
    ["Demo:x", "y", "no place is in a session"],
    ["", "demo:x", "an empty path"],
    ["demo:a.log", "-", "- is no place"],
    ["-", "demo:a.log", "- is no place"],
  ])("%j %j is told as wrong", (from, to, said) => {
    expect(() => copyPlan(from, to)).toThrow(said);
  });

  test("a pipe is told the command that has one", () => {
    const hint = "holdfast exec demo -- cat a.log; or ./- for a file that has this name.";
    expect(() => copyPlan("demo:a.log", "-")).toThrow(expect.objectContaining({ hint }));
  });

  test.each([
    [{ from: "a/b.txt", to: "/tmp" }, true, "/tmp/b.txt"],
    [{ from: "a/b.txt", to: "/tmp/c.txt" }, false, "/tmp/c.txt"],
    [{ from: "a/b/", to: "/" }, true, "/b"],
    [{ from: "a", to: "" }, true, "a"],
    [{ from: "a/.", to: "/srv" }, true, "/srv"],
    [{ from: ".", to: "/srv" }, false, "/srv"],
  ])("%j goes where cp puts it", (places, isDirectory, place) => {
    expect(finalPlace(places, isDirectory)).toBe(place);
  });

  test("progress fits what it says", () => {
    const state = { bytes: 50 * 2 ** 20, totalBytes: 2 ** 30, rate: 10 * 2 ** 20, name: "x" };
    expect(progressLine(state)).toBe("  4 %  50 MiB of 1.0 GiB  10 MiB/s, 1 min 37 s left  x");
    expect([bytesText(0), bytesText(1023), bytesText(1024)]).toEqual(["0 B", "1023 B", "1.0 KiB"]);
  });
});
