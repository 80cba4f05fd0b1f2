/** Peers that say too little too slowly, in real time against the hub's real HTTP server. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { slowPeerLimits } from "../../src/hub/server/listener.ts";
import { ADMIN_TOKEN } from "../support/hub-http.ts";
import { hubServer, rawConnection, type HubServer } from "../support/hub-server.ts";
import { HubWorld } from "../support/hub-world.ts";

let hub: HubServer;
beforeAll(async () => {
  hub = await hubServer(new HubWorld());
});
afterAll(() => hub.close());

const SLACK_MS = 2_500;
const cases: [string, string, number][] = [
  ["half a request line", "GET /v1/ses", slowPeerLimits.headersTimeout],
  [
    "headers without an end",
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    slowPeerLimits.headersTimeout,
  ],
  [
    "half an upgrade",
    "GET /v1/client HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n",
    slowPeerLimits.headersTimeout,
  ],
  [
    "a body that does not come",
    `POST /v1/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\n` +
      "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    slowPeerLimits.requestTimeout,
  ],
];

test("[AC14] each is let go in its time, and the hub serves others meanwhile", async () => {
  const ended = cases.map(async ([what, text, limitMs]) => {
    const raw = await rawConnection(hub.port);
    const startedAt = performance.now();
    raw.socket.write(text);
    await raw.closed;
    raw.socket.destroy();
    const tookMs = performance.now() - startedAt;
    expect([what, tookMs < limitMs + SLACK_MS, raw.text().slice(0, 12)]).toEqual([
      what,
      true,
      "HTTP/1.1 408",
    ]);
  });
  expect((await hub.ask("GET", "/livez")).status).toBe(200);
  await Promise.all(ended);
});
