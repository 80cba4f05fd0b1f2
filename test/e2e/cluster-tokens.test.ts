/**
 * API tokens and preview links of two real hubs on one PostgreSQL: what one of them gives or takes
 * back counts at the other, also when the first is dead, and while PostgreSQL is away. Without hubs
 * the same is test/hub/cluster/shared-rights.test.ts.
 */
import { get } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { bin, runProgram } from "./cli-kit.ts";
import { HubGroup } from "./cluster-kit.ts";
import { TOKEN, type RealHub } from "./hub-kit.ts";

interface Made {
  readonly id: string;
  readonly token: string;
}

describeWhere([needs.linux, needs.postgres], "tokens of two hubs on one PostgreSQL", () => {
  let group: HubGroup;
  let a: RealHub;
  let b: RealHub;
  /** Made at a, and known at b. */
  let kept: Made;

  beforeAll(async () => {
    group = await HubGroup.start();
    [a, b] = [await group.open("a"), await group.open("b")];
  }, 120_000);
  afterAll(() => group.close());

  const make = (hub: RealHub): Promise<Made> =>
    hub.ask<Made>("POST", "/tokens", { name: "t", role: "operator" });
  const asked = async (hub: RealHub, token: string, path = "/me"): Promise<number> => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${hub.url}/v1${path}`, { headers })).status;
  };
  const linkTo = async (hub: RealHub): Promise<URL> => {
    const path = "/sessions/demo/ports/80/links";
    return new URL((await hub.ask<{ url: string }>("POST", path, {})).url);
  };
  /** A link that opens leaves its cookie and leads on, whatever listens behind it. */
  const follow = (hub: RealHub, { host, pathname, search }: URL): Promise<number> =>
    new Promise((resolve, reject) => {
      const { port } = new URL(hub.url);
      const headers = { host: host.replace(/:\d+$/, `:${port}`) };
      get({ host: "127.0.0.1", port, path: pathname + search, headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      }).once("error", reject);
    });

  test("[CL30] a token that one hub made opens the other", async () => {
    kept = await make(a);
    await until(async () => (await asked(b, kept.token)) === 200);
  });

  test("[CL30] one that is revoked at the other opens none, and its event stream ends", async () => {
    const { id, token } = await make(b);
    await until(async () => (await asked(a, token)) === 200);
    const headers = { authorization: `Bearer ${token}` };
    const events = await fetch(`${a.url}/v1/events`, { headers });
    const reader = events.body?.getReader();
    expect((await reader?.read())?.done).toBe(false);
    expect(await b.ask("DELETE", `/tokens/${id}`)).toMatchObject({ id });
    expect(await asked(b, token)).toBe(401);
    const end = async (): Promise<unknown> => {
      for (;;) if ((await reader?.read())?.done !== false) return "over";
    };
    // Cut off, as by a hub that ends: no last chunk comes.
    expect(await end().catch(() => "over")).toBe("over");
    expect(await asked(a, token)).toBe(401);
    expect(await asked(a, kept.token)).toBe(200);
  }, 30_000);

  test("[CL30, CL31] a hub that is killed takes neither: tokens and links count at the other", async () => {
    const before = await a.ask("POST", "/sessions?wait=60", { name: "demo" });
    expect(before).toMatchObject({ state: "connected" });
    const old = await linkTo(a);
    expect(await follow(a, old)).toBe(303);
    // Asked of the hub that does not have the session, and done by the one that has.
    expect(await b.ask("DELETE", "/sessions/demo/links")).toMatchObject({ port: null });
    const link = await linkTo(a);
    expect([await follow(a, old), await follow(a, link)]).toEqual([401, 303]);
    await a.kill("SIGKILL");
    expect(await asked(b, kept.token)).toBe(200);
    await b.until("demo", ({ state, epoch }) => state === "connected" && epoch > before.epoch);
    expect(await asked(b, kept.token, "/sessions/demo")).toBe(200);
    expect([await follow(b, old), await follow(b, link)]).toEqual([401, 303]);
  }, 120_000);

  test("[CL32] while PostgreSQL is away a token works, and making one says what is wrong", async () => {
    await group.postgres.kill();
    try {
      expect(await asked(b, kept.token)).toBe(200);
      expect(await make(b)).toMatchObject({ code: "StoreUnreachable", status: 503 });
      const own = { HOLDFAST_URL: b.url, HOLDFAST_TOKEN: TOKEN, HOLDFAST_HOME: group.cliHome };
      const command = [bin, "token", "create", "ci", "--role", "operator"];
      const told = await runProgram(process.execPath, command, { ...process.env, ...own });
      expect(told.exitCode).toBe(1);
      expect(told.stderr).toContain("API tokens and preview links are kept in PostgreSQL");
      expect(await asked(b, kept.token)).toBe(200);
    } finally {
      await group.postgres.run();
    }
    await until(async () => (await make(b)).token?.startsWith("hft_"));
    expect(await asked(b, kept.token)).toBe(200);
  }, 60_000);
});
