/**
 * Which sessions a list is asked for: filters, and a cursor that stays right while sessions come
 * and go, because it names a place between two sessions and not a number of them. What is not
 * known is refused: a filter with a typing error must not answer with everything.
 */
import type { FastifyRequest } from "fastify";
import { faults } from "../../base/faults.ts";
import { HubError } from "../../base/hub-error.ts";
import { nearestName } from "../../base/nearest.ts";
import { sessionStates, type SessionRecord, type SessionState } from "../../store/facts.ts";
import type { Session } from "../session/session.ts";
import { flagOf, knowsAll, numberOf } from "./query.ts";

export const PAGE_MAX = 200;
const PAGE_UNSAID = 100;

export interface SessionQuery {
  readonly limit: number;
  /** The page begins after it. */
  readonly after: Place | null;
  readonly state: readonly SessionState[] | null;
  readonly code: readonly string[] | null;
  /** All of them; without a value, any value will do. */
  readonly label: readonly Label[] | null;
  readonly id: ReadonlySet<string> | null;
  readonly health: boolean;
}

/** Where a session stands in the order of the list. */
type Place = Pick<SessionRecord, "createdAt" | "id">;

interface Label {
  readonly key: string;
  readonly value: string | null;
}

const KEYS = ["limit", "cursor", "state", "code", "label", "id", "health"];
/** What an error or a verdict may be called. */
const CODES: readonly string[] = [...Object.keys(faults), "Connected", "Unproven"];

/** @throws HubError BadRequest that names the key, and what would be right. */
export function sessionQueryOf(request: FastifyRequest): SessionQuery {
  const given = request.query as Record<string, unknown>;
  knowsAll(given, KEYS);
  const ids = listOf("id", given["id"]);
  return {
    limit: Math.floor(numberOf(request, "limit", PAGE_UNSAID, 1, PAGE_MAX)),
    after: placeOf(given["cursor"]),
    state: statesOf(listOf("state", given["state"])),
    code: codesOf(listOf("code", given["code"])),
    label: listOf("label", given["label"])?.map(labelOf) ?? null,
    id: ids === null ? null : new Set(ids),
    health: flagOf(request, "health", false),
  };
}

export interface Page<T> {
  readonly page: readonly T[];
  readonly nextCursor: string | null;
}

/** Oldest first. */
export function pageOf(all: readonly Session[], query: SessionQuery): Page<Session> {
  const { limit, after } = query;
  const wanted = all
    .filter((session) => isWanted(judgedOf(session), query))
    .filter(({ record }) => after === null || compare(record, after) > 0)
    .sort((a, b) => compare(a.record, b.record));
  const page = wanted.slice(0, limit);
  const last = page.at(-1)?.record;
  const isMore = last !== undefined && wanted.length > limit;
  return { page, nextCursor: isMore ? cursorOf(last) : null };
}

export function cursorOf({ createdAt, id }: Place): string {
  return `${createdAt}.${id}`;
}

/** What of a session decides whether it is listed. */
interface Judged {
  readonly id: string;
  readonly state: SessionState;
  readonly labels: Readonly<Record<string, string>>;
  readonly fault: { readonly code: string; readonly diagnosis?: string } | null;
  /** Asked only where nothing else decides. */
  readonly verdict: () => string;
}

function judgedOf(session: Session): Judged {
  const { id, state, spec, fault } = session.record;
  return { id, state, labels: spec.labels, fault, verdict: () => session.health().verdict.code };
}

export function isWanted(session: Judged, { state, code, label, id }: SessionQuery): boolean {
  if (id !== null && !id.has(session.id)) return false;
  if (state !== null && !state.includes(session.state)) return false;
  if (label?.every((one) => hasLabel(session.labels, one)) === false) return false;
  if (code === null) return true;
  const { fault } = session;
  if (fault === null) return code.includes(session.verdict());
  return code.includes(fault.code) || code.includes(fault.diagnosis ?? "");
}

/** What the JSON of a record tells of these filters: of each group one is in it, or all is moot. */
export function sieveOf({ state, code, label }: SessionQuery): readonly (readonly string[])[] {
  const states = state?.map((one) => `"state":"${one}"`);
  const labels = label?.map(({ key, value }) => [
    `${JSON.stringify(key)}:${value === null ? "" : JSON.stringify(value)}`,
  ]);
  // What has no fault has a verdict, which only its hub knows.
  const faulty = code?.flatMap((one) => [`"code":"${one}"`, `"diagnosis":"${one}"`]);
  return [
    ...(states === undefined ? [] : [states]),
    ...(labels ?? []),
    ...(faulty === undefined ? [] : [[...faulty, '"fault":null']]),
  ];
}

function hasLabel(labels: Readonly<Record<string, string>>, { key, value }: Label): boolean {
  return Object.hasOwn(labels, key) && (value === null || labels[key] === value);
}

function compare(a: Place, b: Place): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

const CURSOR = /^(\d{1,16})\.(ses_[0-9a-z]+)$/;

function placeOf(given: unknown): Place | null {
  if (given === undefined) return null;
  const [, createdAt, id] = (typeof given === "string" ? CURSOR.exec(given) : null) ?? [];
  if (createdAt !== undefined && id !== undefined) return { createdAt: Number(createdAt), id };
  throw wrong("cursor", `is ${JSON.stringify(given)}, no \`nextCursor\` of a page before`);
}

function listOf(key: string, given: unknown): readonly string[] | null {
  if (given === undefined) return null;
  if (typeof given !== "string") throw wrong(key, "is given twice; put commas between values");
  const values = given.split(",").map((value) => value.trim());
  if (values.includes("")) throw wrong(key, `is ${JSON.stringify(given)}: a value is empty`);
  if (values.length <= PAGE_MAX) return values;
  throw wrong(key, `has ${values.length} values, more than ${PAGE_MAX}`);
}

function statesOf(values: readonly string[] | null): readonly SessionState[] | null {
  const isState = (value: string): value is SessionState =>
    sessionStates.some((one) => one === value);
  const strange = values?.find((value) => !isState(value));
  if (strange === undefined) return values?.filter(isState) ?? null;
  throw wrong("state", `is ${JSON.stringify(strange)}, none of ${sessionStates.join(", ")}`);
}

function codesOf(values: readonly string[] | null): readonly string[] | null {
  const strange = values?.find((value) => !CODES.includes(value));
  if (strange === undefined) return values;
  const near = nearestName(strange, CODES);
  const meant = near === null ? "docs/FAULTS.md has all" : `did you mean ${near}?`;
  throw wrong("code", `is ${JSON.stringify(strange)}, which no error is called; ${meant}`);
}

/** `key=value`, or `key` alone. */
function labelOf(text: string): Label {
  const at = text.indexOf("=");
  if (at === 0) throw wrong("label", `is ${JSON.stringify(text)}: a label has a key`);
  return at === -1
    ? { key: text, value: null }
    : { key: text.slice(0, at), value: text.slice(at + 1) };
}

/** @throws HubError BadRequest always: there is no such place. */
export function noPlace({ createdAt, id }: Place): never {
  throw wrong("cursor", `names the session ${id} of ${createdAt}, which there never was`);
}

function wrong(key: string, what: string): HubError {
  return new HubError("BadRequest", `query: ${key} ${what}`);
}
