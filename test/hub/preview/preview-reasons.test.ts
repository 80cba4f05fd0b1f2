/** Why no app is shown, the same to people and to programs, and what may wake a session. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stepOf } from "../../../src/hub/preview/preview-reason.ts";
import { ADMIN_TOKEN } from "../../support/hub-http.ts";
import { PreviewWorld } from "./preview-kit.ts";

let at: PreviewWorld;
beforeEach(async () => {
  at = await PreviewWorld.start();
});
afterEach(() => at.close());

const HTML = { accept: "text/html,*/*;q=0.8" };

/** Asks as a program and as a person; both must be told the same. */
async function both(port: number | string, path = "/") {
  const { status, problem, headers } = await at.ask(port, { path });
  const page = await at.ask(port, { path, headers: HTML });
  expect(page.status).toBe(status);
  expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
  expect(page.text).toContain(`data-code="${problem.code ?? ""}"`);
  expect(page.headers["content-security-policy"]).toMatch(
    /^default-src 'none'; style-src 'sha256-/,
  );
  expect(page.headers["referrer-policy"]).toBe("same-origin");
  expect(page.text).not.toMatch(/<script|src=|href=|\bstyle="/);
  return { status, problem, page, retryAfter: headers["retry-after"] };
}

async function pause(): Promise<void> {
  at.session.operate("operator.paused");
  await at.world.clock.advanceAsync(100);
  expect(at.session.record.detail).toBe("suspended.paused");
}

test("[PW7] nobody listens on the port", async () => {
  const { status, problem, page } = await both(1);
  expect([status, problem.code]).toEqual([502, "PortRefused"]);
  expect(problem.detail).toContain("port 1");
  expect(page.text).toContain('<meta http-equiv="refresh" content="2">');
});

test.for(["0", "65536", "99999999", "text"])("[PW7, PW10] %s is no port", async (port) => {
  const { status, problem } = await both(port);
  expect([status, problem.code]).toEqual([400, "BadRequest"]);
  expect(problem.hint).toContain("1 to 65535");
});

test("[PW7] a host that names no port and session, and a session that nobody knows", async () => {
  const host = `x.y-.localhost:${at.hub.port}`;
  const bad = await at.ask(1, { host });
  expect([bad.status, bad.problem.code]).toEqual([400, "BadRequest"]);
  const unknown = await at.ask(1, { host: `8000-nobody.localhost:${at.hub.port}` });
  expect([unknown.status, unknown.problem.code]).toEqual([404, "SessionNotFound"]);
});

test("[PW1] neither the API nor its token's owner is served on a host of a preview", async () => {
  const port = await at.mirror();
  const api = await at.ask(port, {
    path: "/v1/sessions",
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  expect(JSON.parse(api.text)).toMatchObject({ url: "/v1/sessions" });
  const onApi = await at.ask(port, {
    host: `127.0.0.1:${at.hub.port}`,
    path: "/v1/sessions",
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  expect(onApi.text).toContain('"items"');
});

describe("a suspended session", () => {
  test("[PW7, PW8] says so, and stays so whoever looks", async () => {
    await pause();
    const { status, problem, page } = await both(8000, "/?holdfast_wake");
    expect([status, problem.code]).toEqual([503, "SessionSuspended"]);
    expect(page.text).toContain("Wake it</button>");
    expect(page.text).not.toContain("http-equiv");
    await at.ask(8000, { method: "POST", path: "/hook" });
    await at.world.clock.advanceAsync(1_000);
    expect([at.session.record.detail, at.world.platform.count("start")]).toEqual([
      "suspended.paused",
      0,
    ]);
  });

  test("[PW8] is woken by the button, once, and the browser goes back to where it was", async () => {
    await pause();
    const page = await at.ask(8000, { path: "/a?b=1&c", headers: HTML });
    const action = /action="([^"]*)"/.exec(page.text)?.[1]?.replaceAll("&amp;", "&") ?? "";
    const pressed = await at.ask(8000, { method: "POST", path: action });
    expect([pressed.status, pressed.headers.location]).toEqual([303, "/a?b=1&c"]);
    expect(at.session.record.desired).toBe("connected");
    const again = await at.ask(8000, { method: "POST", path: action });
    expect(again.status).toBe(303);
    const told = at.world.store.events({ after: 0, limit: 1_000 }).map(({ text }) => text);
    const woken = "resumed because a visitor of its preview asked for it";
    expect(told.filter((text) => text === woken)).toHaveLength(1);
  });

  test("[PW8] is not woken by who may not see it", async () => {
    await pause();
    const asked = await at.ask(8000, { bare: true, method: "POST", path: "/?holdfast_wake" });
    expect([asked.status, at.session.record.desired]).toEqual([401, "suspended"]);
  });
});

test("[PW7] a session on its way says which step it takes, and asks again by itself", async () => {
  await pause();
  at.session.operate("operator.resumed");
  const { status, problem, page, retryAfter } = await both(8000);
  expect([status, problem.code, retryAfter]).toEqual([503, "SessionNotConnected", "1"]);
  expect(problem.detail).toMatch(/^session demo is waking: step \d of 4, /);
  expect(page.text).toContain('<meta http-equiv="refresh" content="1">');
  expect(page.text).toMatch(/<progress max="4" value="\d">/);
});

test.for([
  ["creating.requesting", 1],
  ["creating.watching", 2],
  ["creating.bootstrapping", 3],
  ["creating.proving", 4],
  ["resuming.requesting", 1],
  ["resuming.watching", 2],
  ["nudging.awaitingDriver", 3],
  ["nudging.proving", 4],
  ["nudging.rechecking", 4],
] as const)("[PW7] %s is step %i of 4", ([detail, step]) => {
  expect(stepOf(detail)).toMatchObject({ at: step, of: 4 });
});

test("[PW7] a broken session says what broke it, and nothing asks again by itself", async () => {
  at.world.platform.onLaunch = () => undefined;
  const broken = at.world.create({ name: "broken" });
  await at.world.clock.advanceAsync(at.world.policy.createMs + 1_000);
  const { code, diagnosis, message } = broken.record.fault ?? {};
  const ask = { host: at.hostOf(8000, "broken") };
  const { status, problem } = await at.ask(8000, ask);
  expect([status, problem.code]).toEqual([502, diagnosis ?? code]);
  expect(problem.detail).toBe(`session broken is broken: ${message}`);
  const page = await at.ask(8000, { ...ask, headers: HTML });
  expect(page.text).toContain(`data-code="${problem.code}"`);
  expect(page.text).not.toMatch(/http-equiv|<button/);
});

test("[PW7] an app that breaks off or speaks no HTTP is told apart from one that is not there", async () => {
  const port = await at.app((_, response) => response.destroy());
  const { status, problem } = await both(port);
  expect([status, problem.code]).toEqual([502, "PortReset"]);
});

test("[PW7] a driver that stays away ends the wait for an answer with the reason", async () => {
  const port = await at.app(() => undefined);
  const asked = at.ask(port);
  while (at.ports.opened.length === 0) await new Promise((turn) => setImmediate(turn));
  at.ports.lose();
  await at.world.clock.advanceAsync(6_000);
  const { status, problem } = await asked;
  expect([status, problem.code]).toEqual([503, "SessionNotConnected"]);
});

test("[PW7] an app that takes a request and never answers is given up", async () => {
  const port = await at.app(() => undefined);
  const asked = at.ask(port);
  while (at.ports.opened.length === 0) await new Promise((turn) => setImmediate(turn));
  await at.world.clock.advanceAsync(121_000);
  expect((await asked).problem.code).toBe("PortTimeout");
});

test("[PW2] while the hub starts it says so, as the API does", async () => {
  at.hub.ready = false;
  const { status, problem } = await both(8000);
  expect([status, problem.code]).toEqual([503, "HubUnreachable"]);
});
