/**
 * The API as a page that a person reads: made from the document of the running hub, whole and
 * without a script, so that it works where nothing else does: offline, without a token, in print.
 * Pure. What is in the document is api-book.ts.
 */
import { createHash } from "node:crypto";
import { shapeRows, typeOf, type ShapeSource } from "./docs-shape.ts";
import { DOCS_STYLE } from "./docs-style.ts";
import { escape, marked } from "./docs-text.ts";

export interface ApiDocument {
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly description?: string;
  };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, ShapeSource>> };
}

interface Content {
  readonly description?: string;
  readonly content?: Readonly<Record<string, { readonly schema?: ShapeSource }>>;
}

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly unknown[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema: ShapeSource;
  }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}

/** No script and no other address; the one style is this one. */
export const DOCS_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(DOCS_STYLE).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const TAGS = {
  sessions: "Sessions",
  work: "Work in a session",
  events: "What happened",
  platform: "The platform",
  hub: "The hub",
} as const;

export function docsPage({ info, paths, components }: ApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, about]) => ({
      method: method.toUpperCase(),
      path,
      about,
    })),
  );
  const groups = Object.entries(TAGS).map(([tag, title]) => {
    const own = operations.filter(({ about }) => about.tags?.includes(tag));
    return { tag, title, own };
  });
  const index = groups.map(({ tag, title, own }) => {
    const links = own.map(
      ({ method, path }) =>
        `<li><a href="#${idOf(method, path)}"><b>${method}</b> ${escape(path)}</a></li>`,
    );
    return `<li><a href="#${tag}">${title}</a><ul>${links.join("")}</ul></li>`;
  });
  const sections = groups.map(
    ({ tag, title, own }) =>
      `<section id="${tag}"><h2>${title}</h2>${own.map(operationText).join("")}</section>`,
  );
  const shapes = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<article id="shape-${escape(name)}"><h3>${escape(name)}</h3>${fields(schema)}</article>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(info.title)}: API</title><style>${DOCS_STYLE}</style></head>
<body><nav aria-label="contents"><ul>${index.join("")}
<li><a href="#shapes">Shapes</a></li><li><a href="/docs/faults">Codes</a></li></ul></nav>
<main><header><h1>${escape(info.title)} <small>${escape(info.version)}</small></h1>
<p>${marked(info.description ?? "")}</p>
<p>${marked(INTRODUCTION)} The same as a document: <a href="/openapi.json">openapi.json</a>.</p>
<pre>curl -H "authorization: Bearer $(holdfast token)" HUB/v1/sessions</pre></header>
${sections.join("\n")}
<section id="shapes"><h2>Shapes</h2>${shapes.join("\n")}</section></main></body></html>
`;
}

const INTRODUCTION =
  "Every call carries `authorization: Bearer TOKEN`, but for those marked open. An error is a " +
  "`Problem` with a code, of which the page on codes tells more, and the next step. Answers may " +
  "grow fields.";

function operationText(operation: { method: string; path: string; about: Operation }): string {
  const { method, path, about } = operation;
  const { summary = "", description, parameters = [], requestBody, responses, security } = about;
  const open = security?.length === 0 ? ` <span class="tag">open</span>` : "";
  const rows = parameters.map(
    ({ name, in: place, required, description: text = "", schema }) =>
      `<tr><td><code>${escape(name)}</code></td><td>${place}: ${typeOf(schema)}</td>` +
      `<td>${required === true ? "needed. " : ""}${marked(text)}</td></tr>`,
  );
  const body = schemaOf(requestBody);
  const answers = Object.entries(responses).map(([status, answer]) => {
    const schema = schemaOf(answer);
    const what = schema === null ? marked(answer.description ?? "") : typeOf(schema);
    return `<li><code>${status === "default" ? "error" : status}</code> ${what}</li>`;
  });
  return [
    `<article id="${idOf(method, path)}"><h3><b class="${method.toLowerCase()}">${method}</b> `,
    `<code>${escape(path)}</code>${open}</h3><p>${marked(summary)}.</p>`,
    description === undefined ? "" : `<p>${marked(description)}</p>`,
    rows.length === 0 ? "" : `<table><tbody>${rows.join("")}</tbody></table>`,
    body === null ? "" : `<h4>Body</h4>${fields(body)}`,
    `<ul class="answers">${answers.join("")}</ul></article>\n`,
  ].join("");
}

function fields(schema: ShapeSource): string {
  const { description } = schema;
  const rows = shapeRows(schema).map(
    ({ name, type, needed, text }) =>
      `<tr><td><code>${escape(name)}</code>${needed ? "" : `<i title="may be absent">?</i>`}</td>` +
      `<td>${type}</td><td>${marked(text)}</td></tr>`,
  );
  const said = description === undefined ? "" : `<p>${marked(description)}</p>`;
  if (rows.length === 0) return `${said}<p>${typeOf(schema)}</p>`;
  return `${said}<table><tbody>${rows.join("")}</tbody></table>`;
}

function schemaOf(content: Content | undefined): ShapeSource | null {
  const [first] = Object.values(content?.content ?? {});
  return first?.schema ?? null;
}

function idOf(method: string, path: string): string {
  return `${method}${path}`.replace(/[^A-Za-z0-9]+/g, "-").replace(/-$/, "");
}
