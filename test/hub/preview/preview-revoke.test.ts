/** Preview links that are taken back: what they opened, what they would open, what stays. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ADMIN } from "../../../src/hub/auth/principal.ts";
import { revocationFile } from "../../../src/hub/preview/revocation-file.ts";
import { Revocations } from "../../../src/hub/preview/revocations.ts";
import { PreviewWorld, type Answer } from "./preview-kit.ts";

let at: PreviewWorld;
let port: number;
let other: number;

beforeAll(async () => {
  at = await PreviewWorld.start();
  const serve: Parameters<PreviewWorld["app"]>[0] = (request, response) => {
    response.write("first ");
    if (request.url !== "/endless") response.end("last");
  };
  port = await at.app(serve);
  other = await at.app(serve);
});
afterAll(() => at.close());

const follow = (to: number, link: URL): Promise<Answer> =>
  at.ask(to, { bare: true, path: link.pathname + link.search });

/** The cookie that a link leaves. */
async function cookieOf(to: number): Promise<string> {
  const { headers } = await follow(to, at.link(to));
  return headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
}
const links = (to: number): string => `/v1/sessions/demo/ports/${to}/links`;

test("[PW14] links and cookies to a port are taken back at once; others and later ones open it", async () => {
  const cookie = await cookieOf(port);
  const link = at.link(port);
  const elsewhere = at.link(other);
  const open = await at.open(port, { bare: true, path: "/endless", headers: { cookie } });
  const cut = new Promise((resolve) => open.once("error", resolve).once("close", resolve));
  open.resume();

  const revoked = await at.hub.ask("DELETE", links(port));
  expect([revoked.status, revoked.json]).toMatchObject([
    200,
    {
      session: at.session.record.id,
      port,
    },
  ]);
  await cut;
  for (const answer of [
    await follow(port, link),
    await at.ask(port, { bare: true, headers: { cookie } }),
  ]) {
    expect([answer.status, answer.problem.code]).toEqual([401, "Unauthenticated"]);
    expect(answer.problem.detail).toBe("the preview link was taken back");
  }
  expect((await follow(other, elsewhere)).status).toBe(303);
  expect((await follow(port, at.link(port))).status).toBe(303);
  // A program with a token has no link.
  expect((await at.ask(port)).text).toBe("first last");
});

test("[PW14] all links of a session are taken back with one word", async () => {
  const [one, two] = [at.link(port), at.link(other)];
  expect((await at.hub.ask("DELETE", "/v1/sessions/demo/links")).json).toMatchObject({
    port: null,
  });
  expect((await follow(port, one)).status).toBe(401);
  expect((await follow(other, two)).status).toBe(401);
});

test("[PW14] a link ends with the token that made it, and is good for no longer", async () => {
  const { tokens } = at.hub.access;
  const wanted = {
    name: "ci",
    role: "operator",
    tenant: null,
    sessions: null,
    createdBy: ADMIN.id,
  } as const;
  const { token, kept } = await tokens.create({ ...wanted, forMs: 30_000 });
  const maker = tokens.check(token);
  if (maker === null) throw new Error("a token that was just made is none");
  const { links: made } = at.hub.previews;
  const { expiresAt, url } = made.sign(at.session.record, port, 60_000, maker);
  expect(Date.parse(expiresAt)).toBe(kept.expiresAt);
  expect((await follow(port, new URL(url))).status).toBe(303);
  await tokens.revoke(kept.id);
  const answer = await follow(port, new URL(url));
  expect([answer.status, answer.problem.detail]).toEqual([
    401,
    "the token that made this preview link was taken back",
  ]);
});

test("[PW14] what was taken back stays so over a restart, and is forgotten with its session", async () => {
  const dir = mkdtempSync(join(tmpdir(), "hfr-"));
  const path = join(dir, "revocations.json");
  const open = (): Revocations => new Revocations(revocationFile(path), (id) => id === "ses_2");
  await open().revoke("ses_1", 80);
  const next = open();
  const old = { sessionId: "ses_1", port: 80, revocations: 0, expiresAt: 0, by: "admin" };
  expect(
    [old, { ...old, port: 81 }, { ...old, revocations: 1 }].map((pass) => next.covers(pass)),
  ).toEqual([true, false, false]);
  await next.revoke("ses_2", null);
  await next.revoke("ses_2", null);
  expect(revocationFile(path).all).toEqual([{ session: "ses_2", port: null, count: 2 }]);
  writeFileSync(path, '{"version":2}');
  expect(() => revocationFile(path).all).toThrow(/revocations.json is no book of this version/);
  rmSync(dir, { recursive: true, force: true });
});

test.for(["0", "65536", "http"])("[PW14] port %s is none", async (text) => {
  const answer = await at.hub.ask("DELETE", `/v1/sessions/demo/ports/${text}/links`);
  expect([answer.status, answer.json]).toMatchObject([400, { code: "BadRequest" }]);
});
