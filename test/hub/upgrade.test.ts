/** The one gate of all WebSockets: paths, credentials, Host, Origin, subprotocol. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ADMIN } from "../../src/hub/auth/principal.ts";
import { ADMIN_TOKEN } from "../support/hub-http.ts";
import {
  hubServer,
  rawConnection,
  ticketProtocols,
  type HubServer,
} from "../support/hub-server.ts";
import { HubWorld } from "../support/hub-world.ts";
import { until } from "../support/until.ts";

let world: HubWorld;
let hub: HubServer;
let sessionId: string;

beforeEach(async () => {
  world = new HubWorld();
  hub = await hubServer(world);
  sessionId = world.create().record.id;
});
afterEach(() => hub.close());

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

/** HTTP status of an upgrade: 101 when there is a socket. */
async function status(
  path: string,
  headers: Record<string, string>,
  protocols?: string[],
): Promise<{ status: number; code: string }> {
  const outcome = await hub.dial(path, headers, protocols);
  if (outcome.ok) {
    outcome.socket.terminate();
    return { status: 101, code: "" };
  }
  const { failure } = outcome;
  const { code, status: told } = JSON.parse(failure.body) as { code: string; status: number };
  expect(told).toBe(failure.status);
  return { status: failure.status ?? 0, code };
}

function tokenOf(id: string): string {
  return hub.access.driverToken(id, world.sessions.find(id).record.sandboxName);
}

describe("the upgrade gate", () => {
  test("[AC8] path × credential: who gets a socket", async () => {
    const own = tokenOf(sessionId);
    const gone = hub.access.driverToken("ses_gone", "box");
    const forged = `${own.slice(0, -3)}abc`;
    const expired = hub.access.issueTicket(ADMIN).ticket;
    world.clock.jumpWall(30_000);
    const used = hub.access.issueTicket(ADMIN).ticket;
    hub.access.redeemTicket(used);
    const fresh = (): string[] => ticketProtocols(hub.access.issueTicket(ADMIN).ticket);
    const cases: [string, Record<string, string>, string[] | undefined, number][] = [
      ["/v1/client", {}, undefined, 401],
      ["/v1/client", bearer("wrong"), undefined, 401],
      ["/v1/client", bearer(ADMIN_TOKEN), undefined, 101],
      ["/v1/client", { authorization: ADMIN_TOKEN }, undefined, 401],
      ["/v1/client", { cookie: `token=${ADMIN_TOKEN}` }, undefined, 401],
      ["/v1/client", bearer(own), undefined, 401],
      ["/v1/client", {}, ticketProtocols(used), 401],
      ["/v1/client", {}, ticketProtocols(expired), 401],
      ["/v1/client", {}, ticketProtocols("tkt_unknown"), 401],
      ["/v1/client", {}, fresh(), 101],
      ["/v1/driver", {}, undefined, 401],
      ["/v1/driver", bearer("wrong"), undefined, 401],
      ["/v1/driver", bearer(ADMIN_TOKEN), undefined, 401],
      ["/v1/driver", bearer(forged), undefined, 401],
      ["/v1/driver", bearer(`hfd_${sessionId}`), undefined, 401],
      ["/v1/driver", bearer(`hfd_.${own.split(".")[1] ?? ""}`), undefined, 401],
      ["/v1/driver", {}, fresh(), 401],
      ["/v1/driver", bearer(gone), undefined, 404],
      ["/v1/driver", bearer(own), undefined, 101],
      ["/v1/driver?session=far", bearer(own), undefined, 101],
      [`/v1/driver?session=${sessionId}`, bearer(gone), undefined, 404],
      [`/v1/driver?session=${sessionId}`, {}, undefined, 401],
    ];
    for (const [path, headers, protocols, expected] of cases) {
      const answer = await status(path, headers, protocols);
      expect([answer.status, path, headers]).toEqual([expected, path, headers]);
    }
  });

  test("[AC8] a path that is no WebSocket's is 404, however it is spelled", async () => {
    const paths = ["/", "/v1", "/v1/clients", "/v1/client/", "//v1/client", "/%761/client"];
    for (const path of [...paths, "/v1/sessions", "/v1/sessions/demo/terminals/1/attach"]) {
      expect([await status(path, bearer(ADMIN_TOKEN)), path]).toEqual([
        { status: 404, code: "NotFound" },
        path,
      ]);
    }
  });

  test("[AC3] [AC4] Host and Origin are checked before the credential", async () => {
    const host = (name: string) => status("/v1/client", { ...bearer(ADMIN_TOKEN), host: name });
    expect(await host("evil.example")).toEqual({ status: 403, code: "HostNotAllowed" });
    expect((await host("hub.example")).status).toBe(101);
    const origin = (name: string) => status("/v1/client", { origin: name, ...bearer(ADMIN_TOKEN) });
    for (const name of ["null", "https://evil.example", `http://127.0.0.1:${hub.port + 1}`]) {
      expect(await origin(name)).toEqual({ status: 403, code: "OriginNotAllowed" });
    }
    expect((await origin(`http://127.0.0.1:${hub.port}`)).status).toBe(101);
    const both = { host: "evil.example", origin: "http://evil.example", ...bearer(ADMIN_TOKEN) };
    expect((await status("/v1/client", both)).status).toBe(403);
    expect((await status("/v1/driver", { origin: "https://evil.example" })).status).toBe(403);
  });

  test("[AC9] the protocol must be offered, and the ticket is never echoed", async () => {
    const none = await status("/v1/client", bearer(ADMIN_TOKEN), []);
    expect(none).toEqual({ status: 426, code: "VersionUnsupported" });
    expect((await status("/v1/client", bearer(ADMIN_TOKEN), ["hsp.v9"])).status).toBe(426);
    const outcome = await hub.dial(
      "/v1/client",
      {},
      ticketProtocols(hub.access.issueTicket(ADMIN).ticket),
    );
    expect(outcome.ok && outcome.subprotocol).toBe("hsp.v1");
    if (outcome.ok) outcome.socket.terminate();
  });

  test("[AC10] of many who race with one ticket exactly one gets in", async () => {
    const protocols = ticketProtocols(hub.access.issueTicket(ADMIN).ticket);
    const racers = Array.from({ length: 30 }, () => status("/v1/client", {}, protocols));
    const won = (await Promise.all(racers)).filter((answer) => answer.status === 101);
    expect(won).toHaveLength(1);
  });

  test("[AC10] a ticket ends with its 30 seconds", async () => {
    const issued = await hub.ask("POST", "/v1/tickets");
    const protocols = ticketProtocols(String(issued.json["ticket"]));
    world.clock.jumpWall(30_000);
    expect((await status("/v1/client", {}, protocols)).status).toBe(401);
    const next = ticketProtocols(hub.access.issueTicket(ADMIN).ticket);
    world.clock.jumpWall(29_999);
    expect((await status("/v1/client", {}, next)).status).toBe(101);
  });

  test("[SM35] the driver of a sandbox that was replaced gets no socket", async () => {
    const old = hub.access.driverToken(sessionId, "holdfast-of-before-1");
    const answer = await status("/v1/driver", bearer(old));
    expect(answer).toEqual({ status: 404, code: "SessionNotFound" });
    const forged = tokenOf(sessionId).replace(/-1\./, "-2.");
    expect((await status("/v1/driver", bearer(forged))).status).toBe(401);
  });

  test("[AC6] while the hub starts, a known driver hears 503 and comes back soon", async () => {
    hub.ready = false;
    const answer = await status("/v1/driver", bearer(tokenOf(sessionId)));
    expect(answer).toEqual({ status: 503, code: "HubUnreachable" });
  });

  test("[AC11] a refused peer that keeps its half open is let go", async () => {
    const raw = await rawConnection(hub.port);
    raw.socket.write(
      "GET /v1/client HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
    await raw.closed;
    expect(raw.text()).toContain("HTTP/1.1 426 ");
    await connections(0);
    raw.socket.destroy();
  });

  test("[AC12] broken handshakes are answered and let go, and the hub stays up", async () => {
    const upgrade = (lines: string): string =>
      `GET /v1/client HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${lines}\r\n\r\n`;
    const auth = `Authorization: Bearer ${ADMIN_TOKEN}\r\nSec-WebSocket-Protocol: hsp.v1`;
    const handshakes = [
      upgrade(`${auth}\r\nSec-WebSocket-Version: 13`),
      upgrade(`${auth}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short`),
      upgrade(
        `${auth}\r\nSec-WebSocket-Version: 99\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==`,
      ),
      upgrade(`Sec-WebSocket-Protocol: ${" ".repeat(8_000)}`),
      "GET / HTTP/9.9\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n${"X-A: b\r\n".repeat(2_000)}X-B: ${"c".repeat(64_000)}\r\n\r\n`,
      "GET /v1/client HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ];
    for (const handshake of handshakes) {
      const raw = await rawConnection(hub.port);
      raw.socket.write(handshake);
      await raw.closed;
      expect(raw.text()).toMatch(/^HTTP\/1\.1 4\d\d /);
      raw.socket.destroy();
    }
    expect((await hub.ask("GET", "/livez")).status).toBe(200);
  });
});

/** Waits until the server holds exactly this many connections. */
function connections(count: number): Promise<void> {
  return until(async () => {
    const held = await new Promise<number>((resolve, reject) =>
      hub.app.server.getConnections((error, n) => (error === null ? resolve(n) : reject(error))),
    );
    return held === count;
  });
}
