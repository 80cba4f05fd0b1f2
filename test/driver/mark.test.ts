/** The driver's part of the mark, over real files. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { openMark } from "../../src/driver/services/mark.ts";
import { parseControl } from "../../src/protocol/control.ts";
import { decodeFrame } from "../../src/protocol/frame.ts";
import { DriverRequest, MarkAnswer, OpenRequest } from "../../src/protocol/services.ts";
import { Channel, NEW_CHANNEL } from "../../src/stream/channel.ts";
import { Egress } from "../../src/stream/egress.ts";
import { MemorySocket } from "../support/memory-socket.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "holdfast-mark-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

async function texts(files: readonly string[]): Promise<readonly (string | null)[]> {
  const [toDriver, toClient] = MemorySocket.pair();
  const clock = systemClock;
  const client = new Channel({
    side: "client",
    requests: DriverRequest,
    clock,
    onOpen: () => undefined,
  });
  const driver = new Channel({
    side: "driver",
    requests: OpenRequest,
    clock,
    onOpen: (request, stream) => {
      if (request.kind !== "mark") throw new Error("not a mark");
      openMark(request, stream, { clock, log: silentLogger });
    },
  });
  for (const [socket, channel] of [
    [toDriver, client],
    [toClient, driver],
  ] as const) {
    channel.bind({ route: 1, epoch: 1, egress: new Egress(socket, clock) }, NEW_CHANNEL);
    socket.onFrame((message) => {
      const frame = decodeFrame(message);
      if (frame !== null) channel.receive(frame);
    });
  }
  let said = "";
  let ended = false;
  client.open(
    { kind: "mark", files: [...files], rxMax: 4_096 },
    {
      onBytes: (bytes) => void (said += new TextDecoder().decode(bytes)),
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
  return parseControl(MarkAnswer, new TextEncoder().encode(said)).texts;
}

test("[PR21] a driver tells the beginning of what stands there, and leaves nothing", async () => {
  const [mine, none, long] = ["mine", "none", "long"].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(mine, "mrk_1");
  writeFileSync(long, "x".repeat(10_000));
  expect(await texts([mine, none, long, dir])).toEqual(["mrk_1", null, "x".repeat(128), null]);
  expect([mine, long, dir].map((file) => existsSync(file))).toEqual([false, false, true]);
});
