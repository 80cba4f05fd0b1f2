/** A JSON schema as rows of a table: one for each field, those inside others by a dotted name. */

/** The part of JSON schema that the API's shapes use. */
export interface ShapeSource {
  readonly type?: string;
  readonly description?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly $ref?: string;
  readonly anyOf?: readonly ShapeSource[];
  readonly items?: ShapeSource;
  readonly properties?: Readonly<Record<string, ShapeSource>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | ShapeSource;
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface ShapeRow {
  readonly name: string;
  /** Markup: other shapes are links. */
  readonly type: string;
  readonly needed: boolean;
  readonly text: string;
}

/** Deeper ones are told by the document itself. */
const DEPTH_MAX = 3;

export function shapeRows(schema: ShapeSource, prefix = "", depth = 0): readonly ShapeRow[] {
  const { properties = {}, required = [] } = schema;
  return Object.entries(properties).flatMap(([key, field]) => {
    const isList = insideOf(field).type === "array";
    const name = `${prefix}${key}${isList ? "[]" : ""}`;
    const needed = required.includes(key);
    const row = { name, type: typeOf(field), needed, text: textOf(field) };
    const inside = isList ? (insideOf(field).items ?? {}) : insideOf(field);
    const more = depth < DEPTH_MAX ? shapeRows(insideOf(inside), `${name}.`, depth + 1) : [];
    return [row, ...more];
  });
}

/** What a field is when it is not null. */
function insideOf(schema: ShapeSource): ShapeSource {
  const others = schema.anyOf?.filter(({ type }) => type !== "null") ?? [];
  const [only] = others;
  return others.length === 1 && only !== undefined ? only : schema;
}

function textOf(schema: ShapeSource): string {
  const said = schema.description ?? insideOf(schema).description ?? "";
  const { minimum, maximum } = insideOf(schema);
  if (minimum === undefined || maximum === undefined) return said;
  return `${said} ${minimum.toLocaleString("en")} to ${maximum.toLocaleString("en")}.`.trim();
}

/** As markup. */
export function typeOf(schema: ShapeSource): string {
  const { $ref, anyOf, type, items, format, enum: choices, additionalProperties } = schema;
  if ($ref !== undefined) {
    const name = $ref.split("/").at(-1) ?? "";
    return `<a href="#shape-${name}">${name}</a>`;
  }
  if (anyOf !== undefined) return [...new Set(anyOf.map(typeOf))].join(" | ");
  if (schema.const !== undefined) return code(schema.const);
  if (choices !== undefined) return choices.map(code).join(" | ");
  if (type === "array") return `list of ${items === undefined ? "anything" : typeOf(items)}`;
  if (type === "object" && typeof additionalProperties === "object") {
    return `map to ${typeOf(additionalProperties)}`;
  }
  if (format === "date-time") return "time";
  return type ?? "anything";
}

function code(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return `<code>${text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</code>`;
}
