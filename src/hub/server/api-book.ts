/**
 * What each route of the API is for and answers: the prose of the OpenAPI document. What a body has
 * to look like is said by the route itself, and checked; queries are checked in query.ts.
 */
import { Type, type TSchema } from "typebox";
import {
  HubEventSchema,
  PortListSchema,
  LinksRevokedSchema,
  PreviewLinkSchema,
  ProblemSchema,
  TicketSchema,
  TimelineSchema,
} from "../../protocol/api/events.ts";
import { HealthSchema } from "../../protocol/api/health.ts";
import { HubListSchema } from "../../protocol/api/hubs.ts";
import { ControlSchema, PlatformSchema } from "../../protocol/api/platform.ts";
import { LadderPlanSchema, SessionPageSchema, SessionSchema } from "../../protocol/api/session.ts";
import {
  ApiTokenListSchema,
  ApiTokenSchema,
  AuditSchema,
  LoginWaysSchema,
  MeSchema,
  NewApiTokenSchema,
  NewShareSchema,
  ShareListSchema,
  ShareSchema,
} from "../../protocol/api/tokens.ts";
import { LeaseSchema, WorkResultSchema } from "../../protocol/api/work.ts";

/** Shapes that have a name in the document. */
export const namedSchemas = {
  Session: SessionSchema,
  SessionPage: SessionPageSchema,
  Health: HealthSchema,
  LadderPlan: LadderPlanSchema,
  Event: HubEventSchema,
  Timeline: TimelineSchema,
  Platform: PlatformSchema,
  Control: ControlSchema,
  HubList: HubListSchema,
  Ticket: TicketSchema,
  PortList: PortListSchema,
  PreviewLink: PreviewLinkSchema,
  LinksRevoked: LinksRevokedSchema,
  WorkResult: WorkResultSchema,
  Lease: LeaseSchema,
  Me: MeSchema,
  ApiToken: ApiTokenSchema,
  ApiTokenList: ApiTokenListSchema,
  NewApiToken: NewApiTokenSchema,
  Audit: AuditSchema,
  Share: ShareSchema,
  ShareList: ShareListSchema,
  NewShare: NewShareSchema,
  LoginWays: LoginWaysSchema,
  Problem: ProblemSchema,
} as const satisfies Readonly<Record<string, TSchema>>;
export type SchemaName = keyof typeof namedSchemas;

export interface RouteAbout {
  readonly tag: "sessions" | "work" | "events" | "platform" | "hub";
  readonly summary: string;
  readonly description?: string;
  readonly query?: Readonly<Record<string, TSchema>>;
  readonly headers?: Readonly<Record<string, TSchema>>;
  /** Of a success: its status, and its shape by name or in words where it is no JSON object. */
  readonly status: number;
  readonly answer: SchemaName | { readonly text: string };
  /** Answers without a token. */
  readonly open?: true;
}

const wait = Type.Number({
  minimum: 0,
  maximum: 600,
  description: "Seconds to wait for a verdict; without it the answer comes at once.",
});
const dryRun = Type.Boolean({ description: "Answers the plan of the ladder, and does nothing." });
const idempotencyKey = Type.String({
  maxLength: 512,
  description: "The same key again gets the answer of the first call, and nothing runs twice.",
});
const stream = "`accept: text/event-stream` or `application/x-ndjson` streams the outputs.";
const live = Type.Boolean({ description: "Of a stream: the outputs as they come, too (true)." });
const waitReady = Type.Number({
  minimum: 0,
  maximum: 600,
  description: "Seconds to wait for a session that starts or heals (30).",
});

const text = (description: string) => ({ description, ...Type.String() });
const change = (summary: string, description?: string): RouteAbout => ({
  tag: "sessions",
  summary,
  ...(description === undefined ? {} : { description }),
  query: { wait },
  status: 202,
  answer: "Session",
});

export const apiBook: Readonly<Record<string, RouteAbout>> = {
  "POST /v1/sessions": {
    ...change("Start a session"),
    headers: { "idempotency-key": idempotencyKey },
  },
  "GET /v1/sessions": {
    tag: "sessions",
    summary: "List the sessions, oldest first",
    description: "Those of all hubs. `nextCursor` alone tells the last page: one may hold fewer.",
    query: {
      limit: Type.Integer({ minimum: 1, maximum: 200, description: "Sessions of a page (100)." }),
      cursor: Type.String({ description: "`nextCursor` of the page before." }),
      state: Type.String({ description: "Only these states, with commas between them." }),
      code: Type.String({ description: "Only these codes, of the error or the verdict." }),
      label: Type.String({
        description: "Only with all of these labels: `key=value`, or `key` with any value.",
      }),
      id: Type.String({ description: "Only these ids, at most 200; unknown ones are left out." }),
      health: Type.Boolean({ description: "`true`: each with what a list shows of its health." }),
    },
    status: 200,
    answer: "SessionPage",
  },
  "GET /v1/sessions/:id": {
    tag: "sessions",
    summary: "One session, by id or name",
    status: 200,
    answer: "Session",
  },
  "GET /v1/sessions/:id/health": {
    tag: "sessions",
    summary: "Claim, evidence and verdict",
    description: "From memory: it answers while the platform hangs.",
    status: 200,
    answer: "Health",
  },
  "GET /v1/sessions/:id/timeline": {
    tag: "events",
    summary: "What happened to a session, the newest page first",
    description: "Where facts were dropped, one of the kind `timeline.trimmed` stands for them.",
    query: {
      limit: Type.Integer({ minimum: 1, maximum: 1_000, description: "Facts of a page (1,000)." }),
      cursor: Type.String({ description: "`nextCursor` of the page after it in time." }),
    },
    status: 200,
    answer: "Timeline",
  },
  "POST /v1/sessions/:id/pause": change("Suspend it on purpose"),
  "POST /v1/sessions/:id/resume": change("Wake it and prove it again"),
  "POST /v1/sessions/:id/retry": {
    ...change("Try again after an error", "With `dryRun` it answers a LadderPlan."),
    query: { wait, dryRun },
  },
  "POST /v1/sessions/:id/probe": change("Prove it now"),
  "DELETE /v1/sessions/:id": change("Remove it with its sandbox and files"),
  "POST /v1/sessions/:id/lease": {
    tag: "sessions",
    summary: "Say that a session with a lease is still wanted",
    description: "One with the label `holdfast/lease` is removed when nobody does for so long.",
    status: 200,
    answer: "Lease",
  },
  "POST /v1/sessions/:id/exec": {
    tag: "work",
    summary: "Run a command",
    description: stream,
    query: { wait: waitReady, live },
    headers: { "idempotency-key": idempotencyKey },
    status: 200,
    answer: "WorkResult",
  },
  "POST /v1/sessions/:id/code": {
    tag: "work",
    summary: "Run code in a language",
    description: stream,
    query: { wait: waitReady, live },
    headers: { "idempotency-key": idempotencyKey },
    status: 200,
    answer: "WorkResult",
  },
  "GET /v1/sessions/:id/ports": {
    tag: "sessions",
    summary: "The ports on which somebody listens",
    status: 200,
    answer: "PortList",
  },
  "POST /v1/sessions/:id/ports/:port/links": {
    tag: "sessions",
    summary: "A signed link to a port",
    status: 201,
    answer: "PreviewLink",
  },
  "DELETE /v1/sessions/:id/ports/:port/links": {
    tag: "sessions",
    summary: "Take back all links to a port that there are",
    status: 200,
    answer: "LinksRevoked",
  },
  "DELETE /v1/sessions/:id/links": {
    tag: "sessions",
    summary: "Take back all links to all ports of a session that there are",
    status: 200,
    answer: "LinksRevoked",
  },
  "POST /v1/sessions/:id/shares": {
    tag: "sessions",
    summary: "A link to the terminals of a session, to look at",
    description: "Whoever opens it sees its terminals and nothing else, and types nothing.",
    status: 201,
    answer: "NewShare",
  },
  "GET /v1/sessions/:id/shares": {
    tag: "sessions",
    summary: "The shares of a session, without their links",
    status: 200,
    answer: "ShareList",
  },
  "DELETE /v1/sessions/:id/shares/:shareId": {
    tag: "sessions",
    summary: "Take a share back",
    description: "What it has open ends at once.",
    status: 200,
    answer: "Share",
  },
  "GET /v1/events": {
    tag: "events",
    summary: "Facts as server-sent events, from any point and then live",
    query: {
      after: Type.Integer({ minimum: 0, description: "The number of the last event seen." }),
      session: Type.String({ description: "Id or name: only its events." }),
    },
    headers: { "last-event-id": text("What a browser sends when it reconnects.") },
    status: 200,
    answer: { text: "text/event-stream; the data of each event is an Event." },
  },
  "GET /v1/platform": {
    tag: "platform",
    summary: "How the hub stands to its platform",
    status: 200,
    answer: "Platform",
  },
  "POST /v1/platform/control": {
    tag: "platform",
    summary: "Take a fresh sandbox through all that a session needs",
    query: { wait },
    status: 202,
    answer: "Control",
  },
  "GET /v1/hubs": {
    tag: "hub",
    summary: "The hubs that serve these sessions",
    status: 200,
    answer: "HubList",
  },
  "POST /v1/hubs/drain": {
    tag: "hub",
    summary: "Give all sessions of this hub to the others",
    description:
      "Of several hubs, the one that answers. It beats, serves what is left and passes on what is " +
      "not its own any more; `drain` of its entry tells how far it is, here and in `GET /v1/hubs`. " +
      "409 where no other hub is there to take them.",
    status: 202,
    answer: "HubList",
  },
  "POST /v1/tickets": {
    tag: "hub",
    summary: "A ticket that opens one WebSocket, once",
    description:
      "For browsers, which cannot send a token with an upgrade. It opens the door that it is `for` " +
      "(`client` when nothing is said, or `lsp`) and, where a `session` is named, that one alone.",
    status: 200,
    answer: "Ticket",
  },
  "GET /v1/me": { tag: "hub", summary: "Who is asking, and may what", status: 200, answer: "Me" },
  "GET /v1/login": {
    tag: "hub",
    summary: "How one logs in with the identity provider",
    status: 200,
    answer: "LoginWays",
    open: true,
  },
  "POST /v1/login": {
    tag: "hub",
    summary: "Log in",
    description: "With the provider's code and what it was asked with, or with a new ID token.",
    status: 201,
    answer: "NewApiToken",
    open: true,
  },
  "DELETE /v1/login": {
    tag: "hub",
    summary: "Log out",
    description: "The token that asks opens nothing any more.",
    status: 200,
    answer: "ApiToken",
  },
  "GET /v1/tokens": {
    tag: "hub",
    summary: "The API tokens, without the tokens",
    status: 200,
    answer: "ApiTokenList",
  },
  "POST /v1/tokens": {
    tag: "hub",
    summary: "Make an API token",
    description:
      "Its role is owner, operator, viewer or metrics; with `sessions` it sees no other.",
    status: 201,
    answer: "NewApiToken",
  },
  "DELETE /v1/tokens/:tokenId": {
    tag: "hub",
    summary: "Take an API token back",
    description: "What it has open ends at once.",
    status: 200,
    answer: "ApiToken",
  },
  "GET /v1/audit": {
    tag: "hub",
    summary: "Who asked for what",
    description:
      "Each entry carries the hash of the one before; `head` is worth keeping elsewhere.",
    query: { limit: Type.Integer({ minimum: 1, maximum: 100, description: "Entries (50)." }) },
    status: 200,
    answer: "Audit",
  },
  "GET /v1/backup": {
    tag: "hub",
    summary: "All that the hub keeps, as one file",
    description: "For `holdfast restore`. Every key of the hub is in it; 503 while one is made.",
    status: 200,
    answer: { text: "A SQLite file, packed by gzip." },
  },
  "GET /metrics": {
    tag: "hub",
    summary: "The hub in numbers, for Prometheus",
    description: "With a token of the role metrics or owner.",
    status: 200,
    answer: { text: "Prometheus text." },
  },
  "GET /livez": {
    tag: "hub",
    summary: "The process answers",
    status: 200,
    answer: { text: "ok" },
    open: true,
  },
  "GET /readyz": {
    tag: "hub",
    summary: "It takes work, or 503 and what is missing",
    status: 200,
    answer: { text: "ok" },
    open: true,
  },
  "GET /startupz": {
    tag: "hub",
    summary: "It has started, or 503",
    status: 200,
    answer: { text: "ok" },
    open: true,
  },
};
