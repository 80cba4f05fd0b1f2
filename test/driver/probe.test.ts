import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { openProbe } from "../../src/driver/services/probe.ts";
import { decodeFrame } from "../../src/protocol/frame.ts";
import { Channel, NEW_CHANNEL } from "../../src/stream/channel.ts";
import { DriverRequest, OpenRequest } from "../../src/protocol/services.ts";
import { Egress } from "../../src/stream/egress.ts";
import { MemorySocket } from "../support/memory-socket.ts";

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
  const [toDriver, toClient] = MemorySocket.pair();
  const client = new Channel({
    side: "client",
    requests: DriverRequest,
    clock: systemClock,
    onOpen: () => undefined,
  });
  const driver = new Channel({
    side: "driver",
    requests: OpenRequest,
    clock: systemClock,
    onOpen: (request, stream) => {
      if (request.kind !== "probe") throw new Error("not a probe");
      openProbe(request, stream, { clock: systemClock, env: {}, ...context });
    },
  });
  for (const [socket, channel] of [
    [toDriver, client],
    [toClient, driver],
  ] as const) {
    channel.bind({ route: 1, epoch: 1, egress: new Egress(socket, systemClock) }, NEW_CHANNEL);
    socket.onFrame((message) => {
      const frame = decodeFrame(message);
      if (frame !== null) channel.receive(frame);
    });
  }
  let answer = "";
  let ended = false;
  client.open(
    { kind: "probe", nonce, rxMax: 16_384 },
    {
      onBytes: (bytes) => void (answer += new TextDecoder().decode(bytes)),
      onEnd: () => (ended = true),
    },
  );
  while (!ended) {
    toDriver.deliver();
    toClient.deliver();
    await new Promise(setImmediate);
  }
  client.unbind();
  driver.unbind();
  return JSON.parse(answer) as { exec: Finding; filesystem: Finding };
}

test("proves commands and files, and leaves nothing behind", async () => {
  const { exec, filesystem } = await probe("nonce-12345678", { home });
  expect(exec).toMatchObject({ ok: true, code: null });
  expect(filesystem).toMatchObject({ ok: true, code: null });
  expect(exec.latencyMs).toBeGreaterThan(0);
  expect(readdirSync(home)).toEqual([]);
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
