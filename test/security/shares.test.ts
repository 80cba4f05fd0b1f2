/** Links by which others look at the terminals of a session: what they open, and their end. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Role } from "../../src/hub/auth/principal.ts";
import type { Session } from "../../src/hub/session/session.ts";
import { FrameType } from "../../src/protocol/frame.ts";
import { ADMIN_TOKEN } from "../support/hub-http.ts";
import { bodyOf, type HubServer } from "../support/hub-server.ts";
import { hubWithSession, provenDriverOf, welcomedClient } from "../support/hub-with-session.ts";
import type { HubWorld } from "../support/hub-world.ts";

let world: HubWorld;
let hub: HubServer;
let session: Session;

beforeEach(async () => {
  ({ world, hub, session } = await hubWithSession());
});
afterEach(() => hub.close());

interface Told {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

async function ask(method: string, path: string, token: string, body?: object): Promise<Told> {
  const answer = await hub.app.inject({
    method: method as "GET",
    url: `/v1/${path}`,
    headers: { host: "127.0.0.1:7070", authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { payload: body }),
  });
  return { status: answer.statusCode, json: answer.json() };
}

function tokenOf(role: Role, forMs = 3_600_000) {
  const made = { name: "t", role, tenant: null, sessions: null, createdBy: "admin", forMs };
  return hub.access.tokens.create(made);
}

async function share(token = ADMIN_TOKEN, body = {}): Promise<{ id: string; token: string }> {
  const { status, json } = await ask("POST", "sessions/demo/shares", token, body);
  expect(status).toBe(201);
  const url = new URL(String(json["url"]));
  expect([url.pathname, url.search]).toEqual(["/login", ""]);
  return { id: String(json["id"]), token: url.hash.slice("#token=".length) };
}

const client = (token: string) => welcomedClient(hub, token);

const driver = () => provenDriverOf({ hub, session });

describe("a share", () => {
  test("[AU10] opens the terminals of its session to look at, and nothing else", async () => {
    world.create({ name: "other" });
    const at = await driver();
    const { token } = await share();
    const me = await ask("GET", "me", token);
    expect(me.json).toMatchObject({ name: "demo", role: "watcher", sessions: [session.record.id] });
    for (const path of ["sessions", "sessions/demo", "sessions/demo/health", "events", "tokens"]) {
      expect([path, (await ask("GET", path, token)).status]).toEqual([path, 403]);
    }
    const wire = await client(token);
    wire.say(FrameType.attach, { mode: "new", session: "other", channelId: "c" });
    expect(bodyOf(await wire.hear(FrameType.error))["code"]).toBe("SessionNotFound");
    wire.say(FrameType.attach, { mode: "new", session: session.record.id, channelId: "c" });
    const { route } = await at.hear(FrameType.attach);
    at.say(FrameType.attached, { features: [] }, { route, epoch: 1 });
    const place = { route: (await wire.hear(FrameType.attached)).route, epoch: 1 };
    for (const [stream, open] of [
      [1, { kind: "exec", argv: ["sh"], rxMax: 1 }],
      [3, { kind: "terminal.attach", id: "t", rxMax: 1 }],
      [5, { kind: "file.read", path: "/etc/passwd", rxMax: 1 }],
    ] as const) {
      wire.say(FrameType.open, open, { ...place, stream });
      expect(bodyOf(await wire.hear(FrameType.reset))["code"]).toBe("PERMISSION");
    }
    const look = { kind: "terminal.attach", id: "t", readOnly: true, rxMax: 1 };
    wire.say(FrameType.open, look, { ...place, stream: 7 });
    expect(bodyOf(await at.hear(FrameType.open))).toEqual(look);
  });

  test("[AU10] that is taken back ends its socket at once", async () => {
    const [mine, other] = [await share(), await share()];
    const [wire, kept] = [await client(mine.token), await client(other.token)];
    const listed = await ask("GET", "sessions/demo/shares", ADMIN_TOKEN);
    expect((listed.json["items"] as { id: string }[]).map(({ id }) => id)).toEqual([
      mine.id,
      other.id,
    ]);
    expect(JSON.stringify(listed.json)).not.toContain("hft_");
    const path = `sessions/demo/shares/${mine.id}`;
    expect((await ask("DELETE", path, ADMIN_TOKEN)).status).toBe(200);
    expect(await wire.end()).toMatchObject({ code: 4401, reason: "the token was revoked" });
    expect((await ask("GET", "me", mine.token)).status).toBe(401);
    expect((await ask("DELETE", path, ADMIN_TOKEN)).json["code"]).toBe("NotFound");
    expect(kept.ended).toBeNull();
  });

  test("[AU10] ends with its time, and within that of whoever made it", async () => {
    const wire = await client((await share(ADMIN_TOKEN, { expiresInSeconds: 3 })).token);
    world.clock.advance(4_000);
    expect(await wire.end()).toMatchObject({ code: 4401, reason: "the token has expired" });
    const { json } = await ask(
      "POST",
      "sessions/demo/shares",
      (await tokenOf("operator", 60_000)).token,
    );
    expect(Date.parse(String(json["expiresAt"]))).toBe(world.clock.now() + 60_000);
    const shares = (await ask("GET", "sessions/demo/shares", ADMIN_TOKEN)).json["items"];
    expect(shares).toHaveLength(1);
  });

  test("[AU10] ends with the token that made it", async () => {
    const maker = await tokenOf("operator");
    const wire = await client((await share(maker.token)).token);
    await hub.access.tokens.revoke(maker.kept.id);
    expect((await wire.end()).code).toBe(4401);
  });

  test("[AU10] is no way to another: it shares nothing, and only its own session knows it", async () => {
    world.create({ name: "other" });
    const { id, token } = await share();
    for (const role of ["viewer", "metrics"] as const) {
      const { status } = await ask("POST", "sessions/demo/shares", (await tokenOf(role)).token);
      expect([role, status]).toEqual([role, 403]);
    }
    expect((await ask("POST", "sessions/demo/shares", token)).status).toBe(403);
    const elsewhere = await ask("DELETE", `sessions/other/shares/${id}`, ADMIN_TOKEN);
    expect(elsewhere.json["code"]).toBe("NotFound");
    const plain = (await tokenOf("owner")).kept.id;
    const notOne = await ask("DELETE", `sessions/demo/shares/${plain}`, ADMIN_TOKEN);
    expect(notOne.json["code"]).toBe("NotFound");
    const asked = await ask("POST", "tokens", ADMIN_TOKEN, { name: "w", role: "watcher" });
    expect(asked.status).toBe(400);
  });

  test("[AU9] is in the audit log before it is there, without its token", async () => {
    const { token } = await share(ADMIN_TOKEN, { expiresInSeconds: 60 });
    const asked = hub.access.audit.tail(10).find(({ what }) => what.endsWith("/shares"));
    expect(asked).toMatchObject({ who: "admin", target: "demo", outcome: "asked" });
    expect(asked?.detail).toEqual({ expiresInSeconds: 60 });
    expect(JSON.stringify(hub.access.audit.tail(10))).not.toContain(token.slice(0, 20));
  });

  test("[AU10] of a session with many is refused until one is taken back", async () => {
    for (let at = 0; at < 20; at += 1) await share();
    const more = await ask("POST", "sessions/demo/shares", ADMIN_TOKEN);
    expect([more.status, more.json["code"]]).toEqual([429, "RateLimited"]);
  });
});
