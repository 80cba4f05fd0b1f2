import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { openProbe } from "../../src/driver/services/probe.ts";
import type { OpenRequest } from "../../src/protocol/services.ts";
import { serviceAnswer } from "../support/service-answer.ts";
import { TestClock } from "../support/test-clock.ts";

interface Finding {
  readonly ok: boolean;
  readonly latencyMs: number;
  readonly detail: string;
  readonly code: string | null;
}

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "holdfast-probe-"));
});

afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

/** Opens a probe over a line in memory and returns the JSON that it answers. */
async function probe(
  nonce: string,
  context: { home: string; env?: Record<string, string> },
): Promise<{ exec: Finding; filesystem: Finding }> {
  const asked: OpenRequest = { kind: "probe", nonce, rxMax: 16_384 };
  const said = await serviceAnswer(asked, (request, stream) => {
    if (request.kind !== "probe") throw new Error("not a probe");
    openProbe(request, stream, { clock: systemClock, env: {}, ...context });
  });
  return JSON.parse(said) as { exec: Finding; filesystem: Finding };
}

test("proves commands and files, and leaves nothing behind", async () => {
  const { exec, filesystem } = await probe("nonce-12345678", { home });
  expect(exec).toMatchObject({ ok: true, code: null });
  expect(filesystem).toMatchObject({ ok: true, code: null });
  expect(exec.latencyMs).toBeGreaterThan(0);
  expect(readdirSync(home)).toEqual([]);
});

test("a driver that was held up reads what its shell said before it calls it late", async () => {
  const clock = new TestClock();
  const said = await serviceAnswer(
    { kind: "probe", nonce: "nonce-12345678", rxMax: 16_384 },
    (request, stream) => {
      if (request.kind !== "probe") throw new Error("not a probe");
      openProbe(request, stream, { clock, env: {}, home });
      clock.freeze(60_000);
      clock.advance(0);
    },
  );
  const { exec, filesystem } = JSON.parse(said) as { exec: Finding; filesystem: Finding };
  expect([exec.code, filesystem.code]).toEqual([null, null]);
});

test("a home that is gone is a failed filesystem with the system's code", async () => {
  const { exec, filesystem } = await probe("nonce-12345678", { home: join(home, "gone") });
  expect(filesystem).toMatchObject({ ok: false, code: "ENOENT" });
  expect(exec.ok).toBe(false);
});

test("a nonce cannot name a file elsewhere or run a command", async () => {
  const { exec, filesystem } = await probe("../../$(id);x", { home });
  expect([exec.ok, filesystem.ok]).toEqual([true, true]);
  expect(readdirSync(home)).toEqual([]);
});

test("probes at the same time do not disturb each other", async () => {
  const nonces = ["nonce-aaaaaaaa", "nonce-bbbbbbbb", "nonce-cccccccc"];
  const answers = await Promise.all(nonces.map((nonce) => probe(nonce, { home })));
  expect(answers.map(({ exec, filesystem }) => exec.ok && filesystem.ok)).toEqual([
    true,
    true,
    true,
  ]);
  expect(readdirSync(home)).toEqual([]);
});
