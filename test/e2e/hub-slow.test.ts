/**
 * Peers that say too little too slowly, against the hub's real HTTP server. The limits are asked
 * for as they ship; then heads are given a tenth of theirs, and a body's half minute is stepped.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { slowPeerLimits } from "../../src/hub/server/listener.ts";
import { ADMIN_TOKEN } from "../support/hub-http.ts";
import { hubServer, rawConnection, type HubServer } from "../support/hub-server.ts";
import { HubWorld } from "../support/hub-world.ts";
import { until } from "../support/until.ts";

const world = new HubWorld();
let hub: HubServer;
beforeAll(async () => {
  hub = await hubServer(world);
});
afterAll(() => hub.close());

/** Of the real limit: Node looks ten times a second, and a loaded machine later. */
const HEAD_MS = slowPeerLimits.headersTimeout / 10;
const SLACK_MS = 4_000;
const heads: [string, string][] = [
  ["half a request line", "GET /v1/ses"],
  ["headers without an end", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"],
  ["half an upgrade", "GET /v1/client HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"],
];
const LATE_BODY =
  `POST /v1/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\n` +
  "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{";

test("[AC14] a head that does not end is let go in its time, and others are served meanwhile", async () => {
  expect([hub.app.server.headersTimeout, slowPeerLimits.headersTimeout]).toEqual([10_000, 10_000]);
  hub.app.server.headersTimeout = HEAD_MS;
  const ended = heads.map(async ([what, text]) => {
    const raw = await rawConnection(hub.port);
    const startedAt = performance.now();
    raw.socket.write(text);
    await raw.closed;
    raw.socket.destroy();
    const tookMs = performance.now() - startedAt;
    const isInTime = tookMs >= HEAD_MS * 0.9 && tookMs < HEAD_MS + SLACK_MS;
    expect([what, isInTime, raw.text().slice(0, 12)]).toEqual([what, true, "HTTP/1.1 408"]);
  });
  expect((await hub.ask("GET", "/livez")).status).toBe(200);
  await Promise.all(ended);
});

test("[AC14] a body that does not come is let go after half a minute, and no sooner", async () => {
  const raw = await rawConnection(hub.port);
  const timers = world.clock.pendingTimers;
  raw.socket.write(LATE_BODY);
  await until(() => world.clock.pendingTimers > timers);
  world.clock.advance(slowPeerLimits.requestTimeout - 1);
  expect((await hub.ask("GET", "/livez")).status).toBe(200);
  expect(raw.text()).toBe("");
  world.clock.advance(1);
  await raw.closed;
  raw.socket.destroy();
  expect(raw.text().slice(0, 12)).toBe("HTTP/1.1 408");
  expect(slowPeerLimits.requestTimeout).toBe(30_000);
});
