/**
 * Calls that are made from /openapi.json itself, nearly right and wrong: no answer is a 5xx, each
 * is what the document says, and nothing that was sent comes back as a page.
 */
import fc from "fast-check";
import { Value } from "typebox/value";
import type { TSchema } from "typebox";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ADMIN_TOKEN, hubHttp, type HubHttp } from "../support/hub-http.ts";
import { HubWorld } from "../support/hub-world.ts";

interface Operation {
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> };
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly responses: Record<string, { readonly content?: Record<string, { schema: object }> }>;
  readonly security?: readonly unknown[];
}
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, TSchema> };
}

const RUNS = 60;
/** They hold a stream, run a command, or make a sandbox: with a platform behind them. */
const ELSEWHERE = new Set(["get /v1/events", "post /v1/platform/control"]);

let http: HubHttp;
let world: HubWorld;
let document: Document;
const headers = { host: "127.0.0.1:7070", authorization: `Bearer ${ADMIN_TOKEN}` };

beforeAll(async () => {
  world = new HubWorld();
  http = hubHttp(world, undefined, undefined, {
    run: () => Promise.reject(new Error("a fuzzed body must not reach the work of a session")),
  });
  await http.app.ready();
  world.create();
  document = (await http.app.inject({ url: "/openapi.json", headers })).json<Document>();
});
afterAll(() => http.app.close());

/** What a field may be told to be: its own kind, another kind, or more of it than fits. */
const odd = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("", "demo", "../x", "\u0000", "__proto__", "a".repeat(5_000), "1e400", "-1"),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 4 }),
  fc.jsonValue({ maxDepth: 3 }),
);

/** A body with the fields of its schema, most of them wrong. */
function bodyOf(operation: Operation): fc.Arbitrary<unknown> {
  const schema = operation.requestBody?.content["application/json"]?.schema as
    { properties?: Record<string, unknown> } | undefined;
  const names = Object.keys(schema?.properties ?? {});
  const fields = fc.record(Object.fromEntries(names.map((name) => [name, odd])), {
    requiredKeys: [],
  });
  return fc.oneof({ weight: 4, arbitrary: fields }, { weight: 1, arbitrary: odd });
}

const segment = fc.oneof(
  fc.constantFrom("demo", "nope", "8000", "0", "65536", "..", "%2e%2e", "%00", "a%2Fb", "%ff"),
  fc.string({ maxLength: 30 }).map(encodeURIComponent),
);

/** `path: what is wrong` for each place of a documented answer. */
function wrongIn(operation: Operation, status: number, body: string): string[] {
  const told = operation.responses[status] ?? operation.responses["default"];
  const [type = "", shape] = Object.entries(told?.content ?? {})[0] ?? [];
  const ref = (shape?.schema as { $ref?: string } | undefined)?.$ref?.split("/").at(-1);
  const schema = ref === undefined ? undefined : document.components.schemas[ref];
  if (schema === undefined || !type.includes("json")) return [];
  const errors = Value.Errors(schema, JSON.parse(body) as unknown);
  return errors.map(({ instancePath, message }) => `${status} ${instancePath}: ${message}`);
}

describe("calls from the document", () => {
  test("[API3] answer as documented, never with a defect, and never with what was sent as a page", async () => {
    const seen = new Map<number, number>();
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );
    for (const { path, method, operation } of operations) {
      if (ELSEWHERE.has(`${method} ${path}`)) continue;
      const queries = (operation.parameters ?? []).filter((one) => one.in === "query");
      const query = fc.record(
        Object.fromEntries(
          queries.map(({ name }) => [name, fc.oneof(odd.map(String), fc.constant("0"))]),
        ),
        { requiredKeys: [] },
      );
      const call = fc.record({
        body: bodyOf(operation),
        query,
        parts: fc.array(segment, { minLength: 3, maxLength: 3 }),
      });
      await fc.assert(
        fc.asyncProperty(call, async ({ body, query: asked, parts }) => {
          const [first = "", second = "", third = ""] = parts;
          const url = path
            .replace("{id}", first)
            .replace("{port}", second)
            .replace("{tokenId}", third);
          const text = new URLSearchParams({ ...asked, ...("wait" in asked ? { wait: "0" } : {}) });
          const answer = await http.app.inject({
            method: method.toUpperCase() as "GET",
            url: `${url}?${text.toString()}`,
            headers: {
              ...headers,
              ...(method === "post" && { "content-type": "application/json" }),
            },
            ...(method === "post" && { payload: JSON.stringify(body) }),
          });
          const { statusCode, headers: told, body: said } = answer;
          seen.set(statusCode, (seen.get(statusCode) ?? 0) + 1);
          expect([method, url, said.slice(0, 300), statusCode < 500]).toEqual([
            method,
            url,
            said.slice(0, 300),
            true,
          ]);
          expect(told["content-type"] ?? "").not.toContain("html");
          if (statusCode >= 400) {
            expect(answer.json<{ code: string }>().code).toMatch(/^[A-Z]\w+$/);
          } else if (told["content-type"]?.includes("json")) {
            expect([url, wrongIn(operation, statusCode, said)]).toEqual([url, []]);
          }
        }),
        { numRuns: RUNS, seed: 8 },
      );
    }
    // Not vacuous: some were taken, most were refused.
    expect([...seen.keys()].toSorted()).toEqual(expect.arrayContaining([200, 400, 404]));
    expect([...seen.values()].reduce((sum, n) => sum + n, 0)).toBeGreaterThan(1_000);
  }, 60_000);
});
