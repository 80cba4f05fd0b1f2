/** /openapi.json and /docs: the API as OpenAPI 3.1, from the routes and the book about them. */
import swagger from "@fastify/swagger";
import type { FastifyInstance, FastifySchema } from "fastify";
import { Type, type TSchema } from "typebox";
import { HubError } from "../../base/hub-error.ts";
import { faultsPage } from "./docs-faults.ts";
import { DOCS_POLICY, docsPage, type ApiDocument } from "./docs-page.ts";
import { apiBook, namedSchemas, type RouteAbout, type SchemaName } from "./api-book.ts";

/** The dashboard's files, the document itself, and what an app in a session answers. */
const NO_API = new Set([
  ...["/", "/*", "/login", "/openapi.json", "/docs", "/docs/faults"],
  ...["/v1/sessions/:id/ports/:port/http", "/v1/sessions/:id/ports/:port/http/*"],
]);

/** Must be called before the routes are added: it hears of each as it comes. */
export function describeApi(app: FastifyInstance, version: string): void {
  for (const [$id, schema] of Object.entries(namedSchemas)) app.addSchema({ ...schema, $id });
  void app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Holdfast hub",
        description: "Sessions that are called connected only with proof. Times are in UTC.",
        version,
      },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
    refResolver: { buildLocalReference: ({ $id }, _, __, at) => nameOf($id, at) },
    transform: ({ schema, url, route }) => {
      if (NO_API.has(url)) return { schema: { hide: true }, url };
      const about = apiBook[`${String(route.method)} ${url}`];
      if (about === undefined) throw new HubError("Internal", `${url} is not in the API book`);
      return { schema: documented(about, schema), url };
    },
  });
}

export function addOpenApiRoute(app: FastifyInstance): void {
  app.get("/openapi.json", () => app.swagger());
  addPage(app, "/docs", () => docsPage(app.swagger() as unknown as ApiDocument));
  addPage(app, "/docs/faults", faultsPage);
}

/** The same for as long as the process runs; made when somebody first looks. */
function addPage(app: FastifyInstance, path: string, make: () => string): void {
  let page: string | null = null;
  app.get(path, (_, reply) => {
    page ??= make();
    void reply.header("content-security-policy", DOCS_POLICY);
    void reply.header("referrer-policy", "no-referrer");
    return reply.type("text/html; charset=utf-8").send(page);
  });
}

/** For the document alone: nothing of it is a check, or a filter of what is sent. */
function documented(about: RouteAbout, schema: FastifySchema | undefined): FastifySchema {
  const { tag, summary, description, query, headers, status, answer, open } = about;
  return {
    ...(schema?.body === undefined ? {} : { body: schema.body }),
    ...(query === undefined ? {} : { querystring: optional(query) }),
    ...(headers === undefined ? {} : { headers: optional(headers) }),
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(open === true ? { security: [] } : {}),
    response: {
      [status]: typeof answer === "string" ? named(answer) : { description: answer.text },
      ...(open === true ? {} : { default: named("Problem") }),
    },
  };
}

function optional(shapes: Readonly<Record<string, TSchema>>): TSchema {
  const fields = Object.entries(shapes).map(([name, shape]) => [name, Type.Optional(shape)]);
  return Type.Object(Object.fromEntries(fields) as Record<string, TSchema>);
}

function named(name: SchemaName): object {
  const schema = { $ref: `${name}#` };
  const { description = name } = namedSchemas[name] as { description?: string };
  return { description, content: { [MEDIA_TYPES[name] ?? "application/json"]: { schema } } };
}

const MEDIA_TYPES: Readonly<Partial<Record<SchemaName, string>>> = {
  Health: "application/health+json",
  Problem: "application/problem+json",
};

function nameOf(id: unknown, at: number): string {
  return typeof id === "string" ? id : `Schema${at}`;
}
