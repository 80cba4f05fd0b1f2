/** What a token holds open: who gets a link, what may be said on it, and that it ends with it. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Role } from "../../src/hub/auth/principal.ts";
import type { Session } from "../../src/hub/session/session.ts";
import { FrameType } from "../../src/protocol/frame.ts";
import { bodyOf, ticketProtocols, type HubServer, type Wire } from "../support/hub-server.ts";
import { hubWithSession, provenDriverOf, welcomedClient } from "../support/hub-with-session.ts";
import type { HubWorld } from "../support/hub-world.ts";
import { encodeData } from "../support/data-body.ts";

let world: HubWorld;
let hub: HubServer;
let session: Session;

beforeEach(async () => {
  ({ world, hub, session } = await hubWithSession());
});
afterEach(() => hub.close());

function make(role: Role, sessions: readonly string[] | null = null, forMs = 3_600_000) {
  return hub.access.tokens.create({
    name: "t",
    role,
    tenant: null,
    sessions,
    createdBy: "admin",
    forMs,
  });
}

const driver = () => provenDriverOf({ hub, session });

const client = (token: string) => welcomedClient(hub, token);

/** Attaches, and answers as the driver: the routes at both ends. */
async function attached(wire: Wire, at: Wire): Promise<{ client: number; driver: number }> {
  wire.say(FrameType.attach, { mode: "new", session: "demo", channelId: "chn_1" });
  const { route } = await at.hear(FrameType.attach);
  at.say(FrameType.attached, { features: [] }, { route, epoch: 1 });
  return { client: (await wire.hear(FrameType.attached)).route, driver: route };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function dialled(token: string): Promise<number> {
  const outcome = await hub.dial("/v1/client", bearer(token));
  if (outcome.ok) outcome.socket.terminate();
  return outcome.ok ? 101 : (outcome.failure.status ?? 0);
}

describe("a link", () => {
  test("[AU4] is for those who may look, and for nobody else", async () => {
    for (const role of ["owner", "operator", "viewer"] as const) {
      expect([role, await dialled((await make(role)).token)]).toEqual([role, 101]);
    }
    expect(await dialled((await make("metrics")).token)).toBe(403);
    const { token, kept } = await make("owner");
    await hub.access.tokens.revoke(kept.id);
    expect(await dialled(token)).toBe(401);
  });

  test("[AU3] finds no session that its token cannot see", async () => {
    const other = world.create({ name: "other" }).record.id;
    await driver();
    const wire = await client((await make("operator", [other])).token);
    for (const asked of ["demo", session.record.id, "nope"]) {
      wire.say(FrameType.attach, { mode: "new", session: asked, channelId: "chn_1" });
      const said = bodyOf(await wire.hear(FrameType.error));
      expect(said).toMatchObject({
        code: "SessionNotFound",
        message: `there is no session ${JSON.stringify(asked)}`,
      });
    }
  });

  test("[AU5] of one who looks on opens no stream but to look at terminals", async () => {
    const at = await driver();
    const wire = await client((await make("viewer")).token);
    const route = await attached(wire, at);
    const refused = [
      { kind: "exec", argv: ["sh"], rxMax: 1 },
      { kind: "terminal", argv: [], cols: 80, rows: 24, term: "x", rxMax: 1 },
      { kind: "terminal.attach", id: "t", rxMax: 1 },
      { kind: "terminal.attach", id: "t", readOnly: "true", rxMax: 1 },
      { kind: "tcp", port: 80, rxMax: 1 },
      { kind: "file.read", path: "/etc/passwd", rxMax: 1 },
      { kind: "exec.status", key: "k", rxMax: 1 },
      { kind: "constructor" },
    ];
    let stream = 1;
    for (const open of refused) {
      wire.say(FrameType.open, open, { route: route.client, epoch: 1, stream });
      const reset = await wire.hear(FrameType.reset);
      expect([reset.stream, bodyOf(reset)["code"]]).toEqual([stream, "PERMISSION"]);
      stream += 2;
    }
    const look = { kind: "terminal.attach", id: "t", readOnly: true, rxMax: 1 };
    wire.say(FrameType.open, look, { route: route.client, epoch: 1, stream });
    const heard = await at.hear(FrameType.open);
    expect([heard.stream, bodyOf(heard)]).toEqual([stream, look]);
    expect(at.heard.filter(({ type }) => type === FrameType.open)).toEqual([]);
  });

  test("[AU5] and one who types there is cut off at both ends", async () => {
    const at = await driver();
    const wire = await client((await make("viewer")).token);
    const route = await attached(wire, at);
    const place = { route: route.client, epoch: 1, stream: 7 };
    const typed = encodeData({
      offset: 0,
      ctlTx: null,
      bytes: new TextEncoder().encode("rm -rf /\n"),
    });
    wire.say(FrameType.data, typed, place);
    expect(bodyOf(await wire.hear(FrameType.reset))["code"]).toBe("PERMISSION");
    expect((await at.hear(FrameType.reset)).stream).toBe(7);
    wire.say(FrameType.ctl, new Uint8Array(6), { ...place, stream: 9 });
    expect((await wire.hear(FrameType.reset)).stream).toBe(9);
    expect(at.heard.some(({ type }) => type === FrameType.data || type === FrameType.ctl)).toBe(
      false,
    );
    // Whoever works there types as before.
    const worker = await client((await make("operator")).token);
    const own = await attached(worker, at);
    worker.say(FrameType.data, typed, { route: own.client, epoch: 1, stream: 1 });
    expect((await at.hear(FrameType.data)).route).toBe(own.driver);
  });

  test("[AU5] of one who looks on wakes nothing", async () => {
    const wire = await client((await make("viewer")).token);
    const before = session.record.desired;
    const wake = { mode: "new", session: "demo", channelId: "c", intent: "wake" };
    wire.say(FrameType.attach, wake);
    await wire.hear(FrameType.error);
    expect(session.record.desired).toBe(before);
  });
});

describe("a token that is taken back", () => {
  test("[AU6] ends its links, its event stream and its tickets, and nobody else's", async () => {
    const mine = await make("operator");
    const other = await make("operator");
    const [wire, kept] = [await client(mine.token), await client(other.token)];
    const base = `http://127.0.0.1:${hub.port}`;
    const events = await fetch(`${base}/v1/events`, { headers: bearer(mine.token) });
    const ended = events.text().then(
      () => "ended",
      () => "ended",
    );
    const asked = await fetch(`${base}/v1/tickets`, {
      method: "POST",
      headers: bearer(mine.token),
    });
    const { ticket } = (await asked.json()) as { ticket: string };
    const answer = await hub.app.inject({
      method: "DELETE",
      url: `/v1/tokens/${mine.kept.id}`,
      headers: { host: "127.0.0.1", ...bearer((await make("owner")).token) },
    });
    expect(answer.statusCode).toBe(200);
    expect(answer.body).not.toContain(mine.kept.hash);
    expect(await wire.end()).toMatchObject({ code: 4401, reason: "the token was revoked" });
    expect(await ended).toBe("ended");
    expect((await hub.dial("/v1/client", {}, ticketProtocols(ticket))).ok).toBe(false);
    kept.say(FrameType.attach, { mode: "new", session: "nope", channelId: "c" });
    await kept.hear(FrameType.error);
    expect(kept.ended).toBeNull();
  });

  test("[AU6] or runs out does so within a second of its time", async () => {
    const wire = await client((await make("operator", null, 3_000)).token);
    world.clock.advance(2_000);
    expect(wire.ended).toBeNull();
    world.clock.advance(2_000);
    expect(await wire.end()).toMatchObject({ code: 4401, reason: "the token has expired" });
    // A machine that slept: the wall is ahead of every timer.
    const second = await client((await make("operator", null, 3_000)).token);
    world.clock.jumpWall(3_000);
    world.clock.advance(1_000);
    expect((await second.end()).code).toBe(4401);
  });
});
