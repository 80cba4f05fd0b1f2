/** Who is known on a connection that stays: for as long as what was shown there still opens. */
import { Agent, request } from "node:http";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ADMIN_TOKEN } from "../support/hub-http.ts";
import { hubServer, type HubServer } from "../support/hub-server.ts";
import { HubWorld } from "../support/hub-world.ts";

let world: HubWorld;
let hub: HubServer;
let agent: Agent;

beforeEach(async () => {
  world = new HubWorld();
  hub = await hubServer(world);
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
});
afterEach(async () => {
  agent.destroy();
  await hub.close();
});

function tokenOf(name: string, forMs = 60_000) {
  const made = { role: "viewer", tenant: null, sessions: null, createdBy: "admin" } as const;
  return hub.access.tokens.create({ ...made, name, forMs });
}

/** Who one is there, and on which connection that was said. */
function me(token: string | null): Promise<readonly [status: number, id: string, port: number]> {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: "127.0.0.1", port: hub.port, path: "/v1/me", agent, headers },
      (answer) => {
        let text = "";
        answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
        answer.once("end", () => {
          const { id = "" } = JSON.parse(text) as { id?: string };
          resolve([answer.statusCode ?? 0, id, asked.socket?.localPort ?? 0]);
        });
      },
    );
    asked.once("error", reject).end();
  });
}

test("[AU2] of several on one connection each is who its own token says", async () => {
  const [ada, bob] = [await tokenOf("ada"), await tokenOf("bob")];
  const asked = [ada.token, ada.token, bob.token, ADMIN_TOKEN, ada.token, null, `${ada.token}x`];
  const told: (readonly [number, string, number])[] = [];
  for (const token of asked) told.push(await me(token));
  expect(told.map(([status, id]) => [status, id])).toEqual([
    [200, ada.kept.id],
    [200, ada.kept.id],
    [200, bob.kept.id],
    [200, "admin"],
    [200, ada.kept.id],
    [401, ""],
    [401, ""],
  ]);
  expect(new Set(told.map(([, , port]) => port)).size).toBe(1);
});

test("[AU6] a token that is taken back opens nothing on the connection that knew it", async () => {
  const { token, kept } = await tokenOf("ada");
  const [, , port] = await me(token);
  await me(token);
  await hub.access.tokens.revoke(kept.id);
  expect(await me(token)).toEqual([401, "", port]);
});

test("[AU6] nor does one that ran out, and its last use is told until then", async () => {
  const { token, kept } = await tokenOf("ada", 10_000);
  const [, , port] = await me(token);
  world.clock.advance(5_000);
  await me(token);
  const [{ lastUsedAt } = kept] = hub.access.tokens.all.filter(({ id }) => id === kept.id);
  expect(lastUsedAt).toBe(world.clock.now());
  world.clock.advance(5_000);
  expect(await me(token)).toEqual([401, "", port]);
});
