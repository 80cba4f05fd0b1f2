/** The OpenAPI document is what the hub answers: no route without a word, no field without one. */
import { Value } from "typebox/value";
import type { TSchema } from "typebox";
import { beforeAll, describe, expect, test } from "vitest";
import { faults, type FaultCode, type FaultKind } from "../../src/base/faults.ts";
import { marked } from "../../src/hub/server/docs-text.ts";
import {
  categoryMeanings,
  faultMeanings,
  retryMeanings,
} from "../../src/hub/server/fault-meanings.ts";
import { apiBook } from "../../src/hub/server/api-book.ts";
import { broken, untilRest } from "../support/broken-sandbox.ts";
import { ADMIN_TOKEN, hubHttp, type HubHttp } from "../support/hub-http.ts";
import { HubWorld } from "../support/hub-world.ts";

const headers = { host: "127.0.0.1:7070", authorization: `Bearer ${ADMIN_TOKEN}` };

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, TSchema>> };
}
interface Operation {
  readonly summary?: string;
  readonly security?: readonly unknown[];
  readonly requestBody?: unknown;
  readonly responses: Readonly<Record<string, unknown>>;
}

async function documentOf(http: HubHttp): Promise<Document> {
  const { host } = headers;
  const answer = await http.app.inject({ method: "GET", url: "/openapi.json", headers: { host } });
  expect(answer.statusCode).toBe(200);
  return answer.json<Document>();
}

/** The same shape, in which a field that it does not name is wrong. */
function strict<Schema>(schema: Schema): Schema {
  if (Array.isArray(schema)) return schema.map(strict) as Schema;
  if (typeof schema !== "object" || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, part]) => [key, strict(part)]));
  return ("properties" in copy ? { ...copy, additionalProperties: false } : copy) as Schema;
}

/** `path: what is wrong` for each place; empty when the answer is as it is documented. */
function wrongIn(schema: TSchema, answer: unknown): string[] {
  const errors = Value.Errors(strict(schema), answer);
  return errors.map(({ instancePath, message }) => `${instancePath}: ${message}`);
}

describe("/openapi.json", () => {
  test("[API1] has every route that runs, and no other", async () => {
    const http = hubHttp(new HubWorld());
    const document = await documentOf(http);
    expect(document.openapi).toBe("3.1.0");
    // A route that runs and is not in the book would have failed the document.
    const told = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const booked = Object.keys(apiBook).map((key) => key.replace(/:(\w+)/g, "{$1}"));
    expect(told.toSorted()).toEqual(booked.toSorted());
    expect(booked.length).toBeGreaterThan(15);
  });

  test("[API1] each operation says what it is for, and what its errors look like", async () => {
    const { paths } = await documentOf(hubHttp(new HubWorld()));
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, { summary, responses, security }] of Object.entries(operations)) {
        expect(summary, `${method} ${path}`).toMatch(/^[A-Z]/);
        const isOpen = security?.length === 0;
        expect("default" in responses, `${method} ${path}`).toBe(!isOpen);
      }
    }
    expect(paths["/v1/sessions"]?.["post"]?.requestBody).toBeDefined();
  });
});

describe("/docs", () => {
  const pageOf = async () => {
    const { app } = hubHttp(new HubWorld());
    const answer = await app.inject({
      method: "GET",
      url: "/docs",
      headers: { host: "127.0.0.1" },
    });
    return {
      text: answer.body,
      headers: answer.headers,
      document: await documentOf(hubHttp(new HubWorld())),
    };
  };

  test("[API4] has each operation and each shape, and every link leads somewhere", async () => {
    const { text, document } = await pageOf();
    const count = Object.values(document.paths).flatMap((one) => Object.keys(one)).length;
    expect(text.match(/<article id="(GET|POST|DELETE)-/g)).toHaveLength(count);
    const ids = new Set([...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    expect(ids.size).toBe([...text.matchAll(/ id="/g)].length);
    for (const name of Object.keys(document.components.schemas))
      expect(ids).toContain(`shape-${name}`);
    for (const [, to] of text.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(to);
  });

  test("[API4] needs no token, no script and no other address", async () => {
    const { text, headers } = await pageOf();
    expect(headers["content-type"]).toContain("text/html");
    const policy = String(headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    expect(text).not.toMatch(/<script|<img|<link|@import|url\(|https?:/);
    expect(text.length).toBeLessThan(150_000);
  });
});

describe("/docs/faults", () => {
  test("[API4] has each code with what it means, and is as whole by itself as the page of the API", async () => {
    const { app } = hubHttp(new HubWorld());
    const headers = { host: "127.0.0.1" };
    const { body: text, headers: said } = await app.inject({ url: "/docs/faults", headers });
    expect(String(said["content-security-policy"])).toContain("default-src 'none'");
    expect(text).not.toMatch(/<script|<img|<link|@import|url\(|https?:/);
    for (const code of Object.keys(faults)) {
      expect(text).toContain(`<article id="${code}">`);
      expect(text).toContain(`<a href="#${code}">`);
    }
    const articles = text.split("<article ").slice(1);
    expect(articles).toHaveLength(Object.keys(faults).length);
    for (const [at, [code, kind]] of Object.entries<FaultKind>(faults).entries()) {
      const said = [categoryMeanings[kind.category], retryMeanings[kind.retry], kind.hint];
      for (const words of [faultMeanings[code as FaultCode], ...said]) {
        expect(articles[at]).toContain(marked(words));
      }
      expect(articles[at]).toContain(`HTTP <code>${kind.http}</code>`);
    }
    // A sentence that was copied from another code says nothing of this one.
    const meanings = Object.values(faultMeanings);
    expect(new Set(meanings).size).toBe(meanings.length);
    for (const meaning of meanings) expect(meaning).toMatch(/^[A-Z].{20,}\.$/);
  });
});

describe("what the hub answers", () => {
  let schemas: Document["components"]["schemas"];
  const check = async (
    http: HubHttp,
    name: string,
    url: string,
    method: "GET" | "POST" = "GET",
  ) => {
    const schema = schemas[name];
    if (schema === undefined) throw new Error(`the document has no ${name}`);
    const answer = await http.app.inject({ method, url, headers });
    expect([url, wrongIn(schema, answer.json())]).toEqual([url, []]);
    return answer;
  };
  beforeAll(async () => {
    ({ schemas } = (await documentOf(hubHttp(new HubWorld()))).components);
  });

  test("[API2] is as documented, field by field, for a session that is well", async () => {
    const world = new HubWorld();
    const http = hubHttp(world);
    const { session } = await world.connected();
    const at = `/v1/sessions/${session.record.name}`;
    await check(http, "Session", at);
    await check(http, "SessionPage", "/v1/sessions");
    await check(http, "SessionPage", "/v1/sessions?health=true");
    await check(http, "Health", `${at}/health`);
    await check(http, "Timeline", `${at}/timeline`);
    await check(http, "Platform", "/v1/platform");
    await check(http, "HubList", "/v1/hubs");
    await check(http, "Ticket", "/v1/tickets", "POST");
    await check(http, "Me", "/v1/me");
    const wish = {
      name: "t",
      role: "viewer",
      tenant: null,
      sessions: null,
      createdBy: "admin",
    } as const;
    await http.access.tokens.create({ ...wish, forMs: 60_000 });
    await check(http, "ApiTokenList", "/v1/tokens");
    await check(http, "Audit", "/v1/audit");
    await check(http, "PreviewLink", `${at}/ports/8000/links`, "POST");
    await check(http, "Problem", "/v1/sessions/nobody");
  });

  test("[API2] and for one that failed, with all that was tried", async () => {
    const { world, session } = await broken("platform-broken");
    const http = hubHttp(world);
    await untilRest(world, session);
    expect(session.record.state).toBe("error");
    const at = `/v1/sessions/${session.record.name}`;
    await check(http, "Session", at);
    await check(http, "Health", `${at}/health`);
    await check(http, "Timeline", `${at}/timeline`);
    await check(http, "LadderPlan", `${at}/retry?dryRun=true`, "POST");
    await check(http, "Platform", "/v1/platform");
  });
});
