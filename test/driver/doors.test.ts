/** Which of the addresses that it was given a driver dials when a hub tells it to go. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import { ChannelTable } from "../../src/driver/channel-table.ts";
import { Jobs } from "../../src/driver/jobs.ts";
import { Uplink } from "../../src/driver/uplink.ts";
import { encodeJson } from "../../src/protocol/bodies.ts";
import { CloseCodes } from "../../src/protocol/close-codes.ts";
import { encodeFrame, FrameType } from "../../src/protocol/frame.ts";

let directory: string;
let servers: Server[];
let uplink: Uplink;
/** The address of each link that was welcomed, in order. */
let dialled: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hf-doors-"));
  [servers, dialled] = [[], []];
});
afterEach(async () => {
  uplink.stop({ code: 1000, reason: "the test is over" });
  for (const server of servers) await new Promise((closed) => server.close(closed));
  rmSync(directory, { recursive: true, force: true });
});

/** A hub that welcomes each driver and tells it to go at once. */
async function hubAt(name: string, listen: string | number): Promise<string> {
  const http = createServer();
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });
  sockets.on("connection", (socket) => {
    socket.once("message", () => {
      dialled.push(name);
      const epoch = dialled.length;
      const timing = { pingMs: 1_000, deadMs: 3_000, frameBytesMax: 65_536 };
      const told = { linkId: `lnk_${epoch}`, hubId: name, features: [], ...timing };
      const body = encodeJson({ ...told, epoch, challenge: "c" });
      socket.send(encodeFrame({ type: FrameType.welcome, body }));
      socket.once("message", () => socket.close(CloseCodes.goingAway.code, "moved"));
    });
  });
  http.listen(listen);
  await once(http, "listening");
  servers.push(http);
  const address = http.address();
  if (typeof address === "string") return `ws+unix:${address}:/v1/driver`;
  return `ws://127.0.0.1:${address?.port ?? 0}/v1/driver`;
}

async function dialsOf(urls: string[], count: number): Promise<readonly string[]> {
  uplink = new Uplink({
    config: { session: "ses_1", token: "t", urls, home: "/", readyFile: join(directory, "r.json") },
    instance: { pid: 2, startTicks: "2", bootId: "b", startedAt: 0 },
    clock: systemClock,
    random: seededRandom("doors"),
    log: silentLogger,
    readyFile: { set: () => undefined, remove: () => Promise.resolve() },
    jobs: new Jobs(systemClock, () => null),
    channels: new ChannelTable({
      clock: systemClock,
      log: silentLogger,
      openService: () => undefined,
    }),
    onStopped: () => undefined,
  });
  uplink.start();
  await expect.poll(() => dialled.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(count);
  return dialled.slice(0, count);
}

test("[CL26] told to go, a driver dials the next door of its machine, and no other address", async () => {
  const doors = [
    await hubAt("a", join(directory, "a.sock")),
    await hubAt("b", join(directory, "b.sock")),
  ];
  const urls = [...doors, await hubAt("public", 0)];
  expect(await dialsOf(urls, 4)).toEqual(["a", "b", "a", "b"]);
}, 30_000);

test("[CL26] told to go by the only hub of its machine, it dials that one again", async () => {
  const urls = [await hubAt("a", join(directory, "a.sock")), await hubAt("public", 0)];
  expect(await dialsOf(urls, 3)).toEqual(["a", "a", "a"]);
}, 30_000);

test("[CL26] behind a public address it dials that again: the balancer knows better", async () => {
  const urls = [await hubAt("public", 0), await hubAt("b", join(directory, "b.sock"))];
  expect(await dialsOf(urls, 3)).toEqual(["public", "public", "public"]);
}, 30_000);
