/** Who may see a preview, and what of his rights reaches the app. */
import { ADMIN } from "../../../src/hub/auth/principal.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ADMIN_TOKEN } from "../../support/hub-http.ts";
import { heard, PreviewWorld, type Ask } from "./preview-kit.ts";

let at: PreviewWorld;
let port: number;
/** The cookie that a link leaves. */
let cookie: string;

beforeAll(async () => {
  at = await PreviewWorld.start();
  port = await at.mirror();
  const { pathname, search } = at.link(port);
  const first = await at.ask(port, { bare: true, path: pathname + search });
  cookie = first.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
});
afterAll(() => at.close());

const asVisitor = (more: Ask = {}): Ask => ({
  ...more,
  bare: true,
  headers: { cookie, ...more.headers },
});

describe("a link", () => {
  test("[PW2, PW3] leaves a cookie of this host and sends the browser on without itself", async () => {
    const { search } = at.link(port);
    const path = `/a%2Fb${search}&q=1&q=2`;
    const answer = await at.ask(port, { bare: true, path });
    expect([answer.status, answer.headers.location]).toEqual([303, "/a%2Fb?q=1&q=2"]);
    expect(answer.headers["set-cookie"]?.[0]).toMatch(
      /^holdfast_preview=hfp_\S+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=(59|60)$/,
    );
    expect(answer.headers["cache-control"]).toBe("no-store");
  });

  test("[PW2] opens the app by its cookie, and the app sees neither", async () => {
    const answer = await at.ask(port, asVisitor({ headers: { cookie: `a=1; ${cookie}; b=2` } }));
    expect(answer.status).toBe(200);
    expect(heard(answer).header("cookie")).toBe("a=1; b=2");
    expect(answer.text).not.toContain("hfp_");
  });

  test("[PW3] in a request that is no visit is taken out of it", async () => {
    const { search } = at.link(port);
    const answer = await at.ask(port, {
      bare: true,
      method: "POST",
      path: `/x${search}`,
      body: "b",
    });
    expect([answer.status, heard(answer).url, heard(answer).body]).toEqual([200, "/x", "b"]);
  });

  test("[PW2] never sends a browser to another host", async () => {
    const { search } = at.link(port);
    for (const path of ["//evil.example/", "/\\evil.example/"]) {
      const { headers } = await at.ask(port, { bare: true, path: path + search });
      expect(headers.location).toBe("/evil.example/");
    }
  });

  test.for([
    ["none", (): string => "/", 401, "Unauthenticated", "opens with a link of its own"],
    [
      "an expired one",
      (): string => `/${at.link(port, -1).search}`,
      401,
      "Unauthenticated",
      "expired at",
    ],
    [
      "a forged one",
      (): string => `/${at.link(port).search.replace(/.$/, (last) => (last === "A" ? "B" : "A"))}`,
      401,
      "Unauthenticated",
      "no preview link of this hub",
    ],
    ["nonsense", (): string => "/?holdfast_token=1.2", 401, "Unauthenticated", "no preview link"],
    [
      "one of another port",
      (): string => `/${at.link(port + 1).search}`,
      403,
      "Forbidden",
      "another",
    ],
  ] as const)("[PW2] %s opens nothing, with the reason", async ([, path, status, code, said]) => {
    const answer = await at.ask(port, { bare: true, path: path() });
    expect([answer.status, answer.problem.code]).toEqual([status, code]);
    expect(answer.problem.detail).toContain(said);
    expect(answer.headers["set-cookie"]).toBeUndefined();
  });

  test("[PW2] of another session opens nothing, also when that has taken over the name", async () => {
    const session = at.world.create({ name: "other" });
    const foreign = at.hub.previews.links.sign(session.record, port, 60_000, ADMIN);
    const path = `/${new URL(foreign.url).search}`;
    const answer = await at.ask(port, { bare: true, path });
    expect([answer.status, answer.problem.code]).toEqual([403, "Forbidden"]);
  });
});

describe("a program", () => {
  test("[PW2, PW3] opens it with the admin's token, which the app does not see", async () => {
    for (const headers of [
      { "x-holdfast-token": ADMIN_TOKEN },
      { authorization: `Bearer ${ADMIN_TOKEN}` },
    ]) {
      const answer = await at.ask(port, { bare: true, headers });
      expect(answer.status).toBe(200);
      expect(answer.text).not.toContain(ADMIN_TOKEN);
    }
  });

  test("[PW3] keeps the Authorization that is the app's own", async () => {
    const headers = { "x-holdfast-token": ADMIN_TOKEN, authorization: "Bearer of-the-app" };
    const answer = await at.ask(port, { bare: true, headers });
    expect(heard(answer).header("authorization")).toBe("Bearer of-the-app");
  });

  test("[PW2] with a wrong token is refused, whatever else it has", async () => {
    const answer = await at.ask(port, asVisitor({ headers: { "x-holdfast-token": "wrong" } }));
    expect([answer.status, answer.problem.code]).toEqual([401, "Unauthenticated"]);
  });
});

describe("a page of elsewhere", () => {
  const foreign = "http://8000-other.localhost:7070";
  test.for([
    ["a page of another session", { origin: foreign }],
    ["a page of nowhere", { origin: "null" }],
    ["an element of another site", { "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors" }],
    ["one with a referer", { "sec-fetch-site": "cross-site", referer: `${foreign}/page` }],
  ] as const)("[PW9] %s cannot borrow a visitor's cookie", async ([, headers]) => {
    const answer = await at.ask(port, asVisitor({ headers: { cookie, ...headers } }));
    expect([answer.status, answer.problem.code]).toEqual([403, "OriginNotAllowed"]);
  });

  test("[PW9] a visit and a page of the same session may", async () => {
    const own = `http://${at.hostOf(3000)}`;
    for (const headers of [
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" },
      { origin: own, "sec-fetch-site": "same-site" },
      { origin: `http://${at.hostOf(port)}`, "sec-fetch-site": "same-origin" },
    ]) {
      const answer = await at.ask(port, asVisitor({ headers: { cookie, ...headers } }));
      expect(answer.status).toBe(200);
    }
  });

  test("[PW9] a cookie that another page put beside ours does no harm", async () => {
    const two = `holdfast_preview=hfp_nonsense; ${cookie}`;
    expect((await at.ask(port, asVisitor({ headers: { cookie: two } }))).status).toBe(200);
  });
});
