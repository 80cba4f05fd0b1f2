/**
 * Tenants on two real hubs of one PostgreSQL: what somebody of a tenant is told by the hub that
 * does not have the session. Of one hub the same is test/security/tenants.test.ts.
 */
import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectNode } from "../../src/client/node.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { until } from "../support/until.ts";
import { HubGroup } from "./cluster-kit.ts";
import type { RealHub } from "./hub-kit.ts";

/** As long as real ones, so that nothing but whose they are differs. */
const NOBODY = { id: `ses_${"0".repeat(20)}`, name: "beta/nobody" };

interface Answer {
  readonly status: number;
  readonly text: string;
}

describeWhere([needs.linux, needs.postgres], "tenants of two hubs on one PostgreSQL", () => {
  let group: HubGroup;
  let a: RealHub;
  let b: RealHub;
  /** Both are at a. */
  let ours: { readonly id: string };
  let theirs: { readonly id: string };
  /** Tokens of b. */
  let acme: string;
  let beta: string;

  beforeAll(async () => {
    group = await HubGroup.start();
    a = await group.open("a");
    b = await group.open("b");
    ours = await made(a, await tokenOf(a, "acme"), "demo");
    theirs = await made(a, await tokenOf(a, "beta"), "demo");
    [acme, beta] = [await tokenOf(b, "acme"), await tokenOf(b, "beta")];
  }, 120_000);
  afterAll(() => group.close());

  async function tokenOf(hub: RealHub, tenant: string): Promise<string> {
    const wish = { name: "t", role: "owner", tenant };
    return (await hub.ask<{ token: string }>("POST", "/tokens", wish)).token;
  }
  async function ask(hub: RealHub, token: string, route: string, body?: object): Promise<Answer> {
    const [method = "", path = ""] = route.split(" ");
    const type = body === undefined ? {} : { "content-type": "application/json" };
    const answer = await fetch(`${hub.url}/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...type },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, text: await answer.text() };
  }
  async function made(hub: RealHub, token: string, name: string): Promise<{ id: string }> {
    const { status, text } = await ask(hub, token, "POST /sessions?wait=60", { name });
    expect([status, JSON.parse(text)]).toMatchObject([202, { state: "connected" }]);
    return JSON.parse(text) as { id: string };
  }
  /** What is said with the name that was asked for taken out. */
  const told = ({ status, text }: Answer, name: string): string =>
    `${status} ${text.replaceAll(name, "NAME")}`;

  test("[AU18, CL9] a tenant's own is served by the hub that does not have it", async () => {
    const seen = await ask(b, acme, "GET /sessions/demo");
    expect(JSON.parse(seen.text)).toMatchObject({ id: ours.id, name: "acme/demo" });
    expect(await ask(b, beta, "GET /sessions/demo")).toMatchObject({
      text: expect.stringContaining(theirs.id) as string,
    });
    const done = await ask(b, acme, "POST /sessions/demo/exec", { command: "echo $((6 * 7))" });
    expect(JSON.parse(done.text)).toMatchObject({ exitCode: 0, stdout: "42\n" });
    const connection = await connectNode(() => ({ url: b.url, token: acme }), "demo");
    const channel = await connection.attach("demo");
    let said = "";
    const onStdout = (bytes: Uint8Array): void => void (said += Buffer.from(bytes).toString());
    expect(await channel.exec({ argv: ["echo", "spliced"], onStdout }).exit).toMatchObject({
      code: 0,
    });
    expect(said).toBe("spliced\n");
    connection.close();
  }, 60_000);

  test("[AU18] another tenant's is at each way what nobody ever made", async () => {
    const routes: readonly (readonly [string, object?])[] = [
      ["GET /sessions/:id"],
      ["GET /sessions/:id/health"],
      ["GET /sessions/:id/timeline"],
      ["GET /sessions/:id/ports"],
      ["POST /sessions/:id/exec", { command: "id" }],
      ["POST /sessions/:id/code", { language: "sh", code: "id" }],
      ["POST /sessions/:id/pause"],
      ["POST /sessions/:id/probe"],
      ["DELETE /sessions/:id"],
    ];
    for (const [real, none] of [
      [theirs.id, NOBODY.id],
      ["beta/demo", NOBODY.name],
    ] as const) {
      for (const [route, body] of routes) {
        const to = (name: string) => route.replace(":id", encodeURIComponent(name));
        const found = await ask(b, acme, to(real), body);
        const missing = await ask(b, acme, to(none), body);
        expect([route, found.status]).toEqual([route, 404]);
        expect([route, told(found, real)]).toEqual([route, told(missing, none)]);
      }
      const ticket = (session: string) => ask(b, acme, "POST /tickets", { session });
      expect(told(await ticket(real), real)).toBe(told(await ticket(none), none));
    }
    // Nothing of it was done.
    const [left] = [await ask(b, beta, "GET /sessions/demo")];
    expect(JSON.parse(left.text)).toMatchObject({ id: theirs.id, state: "connected" });
  }, 60_000);

  test("[AU18] another tenant's is neither attached to nor previewed", async () => {
    const attached = async (session: string): Promise<unknown> => {
      const connection = await connectNode(() => ({ url: b.url, token: acme }), session).catch(
        (error: unknown) => error as { code: string; message: string },
      );
      if (!("attach" in connection)) return [connection.code, connection.message];
      const failed = await connection.attach(session).then(
        () => null,
        (error: unknown) => error as { code: string; message: string },
      );
      connection.close();
      return failed === null ? "attached" : [failed.code, failed.message];
    };
    const preview = (session: string): Promise<Answer> =>
      new Promise((resolve, reject) => {
        const { port } = new URL(b.url);
        const host = `80-${session}.localhost:${port}`;
        const headers = { host, "x-holdfast-token": acme };
        request({ host: "127.0.0.1", port, headers }, (answer) => {
          let text = "";
          answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
          answer.once("end", () => resolve({ status: answer.statusCode ?? 0, text }));
        })
          .once("error", reject)
          .end();
      });
    const same = (answer: unknown, name: string): string =>
      JSON.stringify(answer).replaceAll(name, "NAME");
    const none = same(await attached(NOBODY.id), NOBODY.id);
    expect(none).toContain("SessionNotFound");
    expect(same(await attached(theirs.id), theirs.id)).toBe(none);
    expect(same(await attached("beta/demo"), "beta/demo")).toBe(none);
    const nowhere = await preview(NOBODY.id);
    expect(nowhere.status).toBe(404);
    expect(told(await preview(theirs.id), theirs.id)).toBe(told(nowhere, NOBODY.id));
  }, 60_000);

  test("[AU18] lists and events of either hub tell a tenant of its own alone", async () => {
    const lists = await Promise.all([a, b].map((hub) => tokenOf(hub, "acme")));
    const gone = new AbortController();
    const heard = ["", ""];
    const following = [a, b].map(async (hub, at) => {
      const headers = { authorization: `Bearer ${lists[at] ?? ""}` };
      const answer = await fetch(`${hub.url}/v1/events`, { headers, signal: gone.signal });
      for await (const chunk of answer.body ?? [])
        heard[at] = `${heard[at] ?? ""}${Buffer.from(chunk).toString()}`;
    });
    const fresh = await made(a, await tokenOf(a, "beta"), "later");
    const own = await ask(b, acme, "POST /sessions/demo/probe");
    expect(own.status).toBeLessThan(300);
    for (const at of [0, 1]) await until(() => heard[at]?.includes(ours.id) === true);
    // By then b has been told of them, too: events come in the order of their numbers.
    const mark = await made(a, await tokenOf(a, "acme"), "mark");
    for (const at of [0, 1]) await until(() => heard[at]?.includes(mark.id) === true);
    gone.abort();
    await Promise.allSettled(following);
    for (const text of [...heard, (await ask(a, lists[0] ?? "", "GET /sessions")).text]) {
      expect(text).toContain(ours.id);
      for (const other of [theirs.id, fresh.id, "beta"]) expect(text).not.toContain(other);
    }
    expect((await ask(b, acme, "GET /sessions")).text).not.toContain("beta");
  }, 60_000);
});
