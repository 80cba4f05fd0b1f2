/** Whose failure a run was, and what of its lines is shown. */
import { describe, expect, test } from "vitest";
import type { FaultCode } from "../../../src/base/faults.ts";
import { HubError } from "../../../src/base/hub-error.ts";
import { NamedLines } from "../../../src/cli/run/app-shell.ts";
import { RunFailed, runFailedOf, type RunCategory } from "../../../src/cli/run/run-failed.ts";

describe("whose failure it was", () => {
  test.each<[FaultCode, RunCategory, RunCategory]>([
    ["SandboxStartFailed", "startup", "environment"],
    ["PlatformDown", "startup", "environment"],
    ["PlatformQuota", "startup", "environment"],
    ["LinkLost", "startup", "environment"],
    ["HubUnreachable", "environment", "environment"],
    ["PlatformAuthRejected", "caller", "caller"],
    ["Unauthenticated", "caller", "caller"],
    ["Interrupted", "caller", "caller"],
    ["FileMissing", "app", "app"],
  ])("[WK9] %s: %s before there is a sandbox, %s after", (code, before, after) => {
    expect(runFailedOf(new HubError(code, "so"), true).category).toBe(before);
    expect(runFailedOf(new HubError(code, "so"), false).category).toBe(after);
  });

  test("[WK9] what the run itself found stays what it is", () => {
    const found = new RunFailed("task", "TaskFailed", "it ended with 3", { exitCode: 3 });
    expect(runFailedOf(found, true)).toBe(found);
    expect(runFailedOf(new Error("odd"), false)).toMatchObject({ code: "Internal" });
  });
});

describe("the lines of an app", () => {
  function shown(secrets: readonly string[], ...parts: readonly string[]) {
    const lines: string[] = [];
    const named = new NamedLines((line) => lines.push(line), secrets);
    for (const part of parts) named.take(new TextEncoder().encode(part));
    named.end();
    return { lines, last: named.last };
  }

  test("[WK10] hide a secret, also one that comes in two pieces", () => {
    const { lines, last } = shown(["s3cret-key", "ok"], "key=s3cr", "et-key ok\nnone\n");
    expect(lines).toEqual(["key=*** ok", "none"]);
    expect(last).not.toContain("s3cret");
  });

  test("are whole, whatever their ends, and the last ten are kept for the reason", () => {
    expect(shown([], "a\r\nb\rc", "d\ne").lines).toEqual(["a", "b", "cd", "e"]);
    const many = Array.from({ length: 30 }, (_, n) => `line ${n}\n`).join("");
    expect(shown([], many).last.split("\n")).toHaveLength(10);
    expect(shown([], "x".repeat(10_000)).lines[0]?.length).toBe(4_096);
  });
});
