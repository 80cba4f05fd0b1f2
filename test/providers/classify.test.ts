/** The one door from what Daytona says to what the hub understands, as a table. */
import { describe, expect, test } from "vitest";
import {
  claimState,
  classify,
  sdkFailure,
  startFailure,
  type PlatformFailure,
} from "../../src/providers/daytona/classify.ts";

const failed = (status: number | null, message: string, more: Partial<PlatformFailure> = {}) =>
  classify({ call: "call", status, message, timedOut: false, idempotent: true, ...more });

describe("classify", () => {
  test.for([
    [401, "Invalid credentials", "PlatformAuthRejected"],
    [403, "Forbidden", "PlatformAuthRejected"],
    [403, "Organization is suspended: depleted credits", "PlatformQuota"],
    [402, "Payment required", "PlatformQuota"],
    [403, "Sandbox quota exceeded for this organization", "PlatformQuota"],
    [409, "Total memory limit exceeded. Maximum allowed: 10GiB.", "PlatformQuota"],
    [409, "Sandbox with name quota-test already exists", "StateConflict"],
    [429, "Total CPU limit exceeded. Maximum allowed: 10.", "PlatformQuota"],
    [429, "Rate limit exceeded", "PlatformRateLimited"],
    [400, "ThrottlerException: Too Many Requests", "PlatformRateLimited"],
    [400, "Sandbox failed to start: failed to build image", "ImageBuildFailed"],
    [400, "build failed at step 3", "ImageBuildFailed"],
    [429, "ThrottlerException", "PlatformRateLimited"],
    [409, "Sandbox state change in progress", "StateConflict"],
    [422, "pause is not supported", "PauseUnsupported"],
    [408, "", "PlatformTimeout"],
    [504, "<html>gateway timeout</html>", "PlatformTimeout"],
    [400, "Snapshot my/py:1 is inactive", "SnapshotInactive"],
    [400, "Snapshot py not found. Did you add it?", "SnapshotMissing"],
    [404, "Snapshot py not found", "SnapshotMissing"],
    [400, "image nope:1 not found", "ImageMissing"],
    [400, "manifest unknown", "ImageMissing"],
    [400, "Total CPU quota exceeded. Maximum allowed: 10.", "PlatformQuota"],
    [400, "No available runners", "PlatformQuota"],
    [400, "Sandbox failed to start: x", "SandboxStartFailed"],
    [400, "Sandbox is in an errored state", "SandboxStartFailed"],
    [
      400,
      "failed to resolve container IP after 3 attempts: no IP address found. Is the Sandbox started?",
      "SandboxStopped",
    ],
    [400, "Sandbox is not started", "SandboxStopped"],
    [404, "Sandbox with ID or name x not found", "SandboxGone"],
    [404, "sandbox container not found", "SandboxGone"],
    [500, "", "PlatformDown"],
    [502, "", "PlatformDown"],
    [503, "<html>", "PlatformDown"],
    [400, "name must be a string", "PlatformAnswerInvalid"],
    [418, "", "PlatformAnswerInvalid"],
  ] as const)("[PV1] %i %s is %s", ([status, message, code]) => {
    const fault = failed(status, message);
    expect(fault.code).toBe(code);
    expect(fault.raw).toBe(message);
    expect(fault.message).toContain(`answered ${status}`);
  });

  test("[PV1] no answer is down, and a late one is a timeout", () => {
    expect(failed(null, "socket hang up").code).toBe("PlatformDown");
    expect(failed(null, "", { timedOut: true })).toMatchObject({ code: "PlatformTimeout" });
  });

  test("[PV2] an effect is unknown only when it may have taken place", () => {
    const unknown = (status: number | null, idempotent: boolean): boolean =>
      failed(status, "", { idempotent }).outcomeUnknown;
    expect([unknown(null, false), unknown(500, false), unknown(504, false)]).toEqual([
      true,
      true,
      true,
    ]);
    expect([unknown(null, true), unknown(500, true), unknown(400, false)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  test("[PV3] a toolbox never says that a sandbox is gone or a key is bad", () => {
    const inside = (toolbox: "exec" | "files", status: number, message = "") =>
      failed(status, message, { toolbox }).code;
    for (const status of [401, 403]) {
      expect(inside("exec", status)).toBe("ToolboxRefused");
      expect(inside("files", status)).toBe("ToolboxRefused");
    }
    for (const status of [404, 409, 500, 502]) {
      expect(inside("exec", status)).toBe("ExecBroken");
      expect(inside("files", status)).toBe("FilesystemBroken");
    }
    expect(inside("files", 404, "sandbox container not found")).toBe("FilesystemBroken");
    expect(inside("exec", 400, "no IP address found. Is the Sandbox started?")).toBe(
      "SandboxStopped",
    );
    expect(inside("exec", 429)).toBe("PlatformRateLimited");
    expect(inside("exec", 408)).toBe("PlatformTimeout");
  });

  test("[PV1] what the SDK throws is read by its shape, also what is no error", () => {
    const named = (name: string, message: string, statusCode?: number) =>
      Object.assign(new Error(message), { name, statusCode });
    const codeOf = (thrown: unknown) => classify(sdkFailure("x", thrown, false)).code;
    expect(codeOf(named("DaytonaAuthenticationError", "no", 401))).toBe("PlatformAuthRejected");
    expect(codeOf(named("DaytonaConnectionTimeoutError", "late"))).toBe("PlatformTimeout");
    expect(codeOf(named("DaytonaTimeoutError", "Failed to create and start", 408))).toBe(
      "PlatformTimeout",
    );
    expect(codeOf(named("DaytonaConnectionError", "socket hang up"))).toBe("PlatformDown");
    for (const odd of ["text", null, undefined, 5, {}]) expect(codeOf(odd)).toBe("PlatformDown");
  });

  test.for([
    ["build_failed", null, "ImageBuildFailed"],
    ["build_failed", "no available runners", "ImageBuildFailed"],
    ["error", "failed to export image: context deadline exceeded", "ImageBuildFailed"],
    ["error", "#11 exporting to image", "ImageBuildFailed"],
    ["error", "pull access denied for x", "ImageMissing"],
    ["error", "No available runners", "PlatformQuota"],
    ["error", "timeout of 1200000ms exceeded", "SandboxStartFailed"],
    ["error", null, "SandboxStartFailed"],
  ] as const)("[PV1] a sandbox in %s for %j is %s", ([state, reason, code]) => {
    expect(startFailure(state, reason)).toBe(code);
    const text = `Sandbox 1f failed to start with status: ${state}, error reason: ${reason ?? ""}`;
    const thrown = Object.assign(new Error(text), { name: "DaytonaError" });
    expect(classify(sdkFailure("create sandbox", thrown, false))).toMatchObject({
      code,
      outcomeUnknown: false,
    });
  });

  test("[PV1] what is said to an activation is about the snapshot, a wrong key apart", () => {
    const activating = (status: number, message = "") =>
      failed(status, message, { snapshot: "activate" }).code;
    expect([400, 403, 409, 422].map((status) => activating(status))).toEqual(
      Array.from({ length: 4 }, () => "SnapshotInactive"),
    );
    expect(activating(404)).toBe("SnapshotMissing");
    expect(activating(401)).toBe("PlatformAuthRejected");
    expect([activating(429), activating(503)]).toEqual(["PlatformRateLimited", "PlatformDown"]);
    expect(failed(404, "", { snapshot: "read" }).code).toBe("SnapshotMissing");
    expect(failed(403, "", { snapshot: "read" }).code).toBe("PlatformAuthRejected");
  });

  test("[PV4] a state that is not known is never one that counts as good", () => {
    expect(claimState("started")).toBe("started");
    for (const odd of ["STARTED", "running", "idle", "", "constructor", "__proto__", "unknown"]) {
      expect(claimState(odd)).toBe("unknown");
    }
    expect([claimState("destroyed"), claimState("build_failed"), claimState("resuming")]).toEqual([
      "destroying",
      "error",
      "starting",
    ]);
  });

  test("[PV1] evidence of a raw answer is kept short", () => {
    const fault = failed(500, "x".repeat(100_000));
    expect(fault.raw).toHaveLength(2_048);
    expect(fault.message.length).toBeLessThan(500);
  });
});

describe("a platform that asks for time", () => {
  test.for([
    [{ "retry-after": "7" }, { waitMs: 7_000, scope: null }],
    [{ "Retry-After": 7 }, { waitMs: 7_000, scope: null }],
    [new Headers({ "Retry-After": "0.5" }), { waitMs: 500, scope: null }],
    [{ "Retry-After-sandbox-create": "60" }, { waitMs: 60_000, scope: "sandbox-create" }],
    [
      { "retry-after-authenticated": "3", "retry-after-sandbox-lifecycle": "60" },
      { waitMs: 60_000, scope: "sandbox-lifecycle" },
    ],
    [
      {
        date: "Sun, 22 Nov 2026 10:00:00 GMT",
        "retry-after": "Sun, 22 Nov 2026 10:00:30 GMT",
      },
      { waitMs: 30_000, scope: null },
    ],
  ] as const)("[PV13] %o", ([headers, retryAfter]) => {
    expect(failed(429, "ThrottlerException", { headers }).retryAfter).toEqual(retryAfter);
  });

  test.for([
    {},
    null,
    "retry-after: 5",
    { "retry-after": "soon" },
    { "retry-after": "-5" },
    { "retry-after": "Sun, 22 Nov 2026 10:00:30 GMT" },
    { "x-retry-after": "5" },
    { "retry-after": ["5"] },
  ])("[PV13] %o names none", (headers) => {
    expect(failed(429, "ThrottlerException", { headers }).retryAfter).toBeUndefined();
  });

  test("[PV13] what the SDK throws carries its headers", () => {
    const error = Object.assign(new Error("Too Many Requests"), {
      name: "DaytonaRateLimitError",
      statusCode: 429,
      headers: { "retry-after-sandbox-lifecycle": "60" },
    });
    expect(classify(sdkFailure("start sandbox", error, false))).toMatchObject({
      code: "PlatformRateLimited",
      retryAfter: { waitMs: 60_000, scope: "sandbox-lifecycle" },
    });
  });
});
