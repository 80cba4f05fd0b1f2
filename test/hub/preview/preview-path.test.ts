/** The second best: an app below a path of the API, for programs that cannot set a Host. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { PreviewAccess } from "../../../src/hub/preview/preview-access.ts";
import { PreviewPasses } from "../../../src/hub/preview/preview-pass.ts";
import { openPreviews } from "../../../src/hub/preview/previews.ts";
import { Revocations } from "../../../src/hub/preview/revocations.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { ADMIN_TOKEN } from "../../support/hub-http.ts";
import { memoryShelf } from "../../support/memory-shelf.ts";
import { heard, PreviewWorld, type Ask } from "./preview-kit.ts";

let at: PreviewWorld;
beforeAll(async () => {
  at = await PreviewWorld.start();
});
afterAll(() => at.close());

const below = (port: number | string, path: string, more: Ask = {}): Ask => ({
  ...more,
  bare: true,
  host: `127.0.0.1:${at.hub.port}`,
  path: `/v1/sessions/demo/ports/${port}/http${path}`,
  headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...more.headers },
});

test("[PW12] passes a request with its body to the app, which is told the path before its own", async () => {
  const port = await at.mirror();
  const headers = { "content-type": "application/x-unknown", cookie: "a=1" };
  const body = "x".repeat(300_000);
  const answer = await at.ask(port, below(port, "/a%20b?c=1", { method: "POST", body, headers }));
  const got = heard(answer);
  expect([got.method, got.url, got.body.length]).toEqual(["POST", "/a%20b?c=1", 300_000]);
  expect(got.header("x-forwarded-prefix")).toBe(`/v1/sessions/demo/ports/${port}/http`);
  expect(got.header("authorization")).toBeUndefined();
  expect(heard(await at.ask(port, below(port, ""))).url).toBe("/");
  expect(heard(await at.ask(port, below(port, "?q"))).url).toBe("/?q");
});

test("[PW12] gives an app no rights on the API's origin", async () => {
  const port = await at.app((_, response) => {
    response.setHeader("set-cookie", "session=stolen");
    response.setHeader("content-security-policy", "default-src *");
    response.setHeader("content-type", "text/html");
    response.end("<script>alert(1)</script>");
  });
  const { headers } = await at.ask(port, below(port, "/"));
  expect(headers["set-cookie"]).toBeUndefined();
  expect(headers["content-security-policy"]).toBe("sandbox; default-src 'none'");
  expect(headers["x-content-type-options"]).toBe("nosniff");
});

test("[PW12] opens with the admin's token alone, never with a link or its cookie", async () => {
  const port = await at.mirror();
  const pass = at.link(port).search.replace("?holdfast_token=", "");
  for (const ask of [
    below(port, "/", { headers: { authorization: "" } }),
    below(port, `/?holdfast_token=${pass}`, { headers: { authorization: "" } }),
    below(port, "/", { headers: { authorization: "", cookie: `holdfast_preview=${pass}` } }),
    below(port, "/", { headers: { authorization: `Bearer ${pass}` } }),
  ]) {
    const { status, problem, headers } = await at.ask(port, ask);
    expect([status, problem.code, headers.connection]).toEqual([401, "Unauthenticated", "close"]);
  }
});

test("[PW7, PW12] says why there is no app, as problem+json", async () => {
  const refused = await at.ask(1, below(1, "/"));
  expect([refused.status, refused.problem.code]).toEqual([502, "PortRefused"]);
  expect((await at.ask(1, below("0", "/"))).problem.code).toBe("BadRequest");
  expect((await at.ask(1, below("text", "/"))).problem.code).toBe("BadRequest");
});

test("[PW4] no clock of the API's runs against an upload to an app", () => {
  expect(at.hub.app.server.requestTimeout).toBe(0);
  expect(at.hub.app.server.headersTimeout).toBe(10_000);
});

test("[PW1] a domain that has the hub itself below it is refused at the start", () => {
  const start = (previewDomain: string) => () =>
    openPreviews(
      { publicUrl: "https://hub.example.com", previewDomain, shelf: memoryShelf() },
      new Uint8Array(32),
      {
        access: at.hub.access,
        sessions: at.world.sessions,
        client: at.ports,
        clock: at.world.clock,
        isReady: () => true,
        log: silentLogger,
      },
    );
  expect(start("example.com")).toThrow("hub.example.com is below example.com");
  expect(start("not a name")).toThrow("is no host name");
  expect(start("previews.example.com")().links.address(at.session.record, 80)).toBe(
    "https://80-demo.previews.example.com",
  );
});

test("[PW3] behind https the cookie never goes over a line without it", () => {
  const { clock } = at.world;
  const revocations = new Revocations(memoryShelf(), () => true);
  const secret = new Uint8Array(32);
  const passes = new PreviewPasses({ secret, clock, revocations, stands: () => true });
  const { id } = at.session.record;
  const made = new PreviewAccess({
    access: at.hub.access,
    passes,
    domain: "previews.example.com",
    isSecure: true,
    now: () => at.world.clock.now(),
    lookup: () => at.session.record,
  });
  const pass = passes.sign({
    sessionId: id,
    port: 80,
    expiresAt: clock.now() + 60_000,
    by: "admin",
  });
  const visitor = { method: "GET", headers: {}, isUpgrade: false };
  const admission = made.admit(
    { port: 80, session: "demo" },
    { ...visitor, url: `/?holdfast_token=${pass}` },
  );
  expect(admission).toMatchObject({ kind: "redirect", location: "/" });
  expect(admission).toHaveProperty("cookie", expect.stringMatching(/; Max-Age=60; Secure$/));
});

test("[PW1] a name that makes a label too long gives way to the id", () => {
  const record = { ...at.session.record, name: "n".repeat(60) };
  expect(at.hub.previews.links.address(record, 8000)).toBe(
    `http://8000-${record.id}.localhost:${at.hub.port}`,
  );
});
