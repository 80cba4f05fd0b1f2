/** /v1/sessions: create, list, look, change. Answers from memory; waits only when asked to. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { HubError } from "../../../base/hub-error.ts";
import { createOnce } from "../../create-once.ts";
import { eventView } from "../../event-view.ts";
import type { SeenSessions } from "../../seen-sessions.ts";
import { briefOf } from "../../session/health.ts";
import type { Session } from "../../session/session.ts";
import { principalOf } from "../door-keeper.ts";
import type { RouteOptions } from "../http.ts";
import { passTo, type Passed } from "../pass-to.ts";
import { dryRunOf, timelineQueryOf, waitOf } from "../query.ts";
import { requestKeyOf } from "../request-key.ts";
import { pageOf, sessionQueryOf } from "../session-query.ts";
import { NewSession, specOf } from "../session-request.ts";
import { recordView, type SessionView } from "../session-view.ts";
import { wholePageOf } from "../whole-list.ts";

type Id = { Params: { id: string } };

export function addSessionRoutes(app: FastifyInstance, options: RouteOptions): void {
  const { sessionsOf, hub, watch, clock, elsewhere } = options;
  const { platform } = watch.provider;
  const roster = elsewhere?.roster ?? null;
  const where = roster === null ? {} : { hub: roster.name };
  const view = (session: Session): SessionView => ({
    ...recordView(session.record, platform, clock.now()),
    ...where,
  });
  /** The session now, or once it rests when the caller asked to wait. */
  const answer = async (session: Session, waitMs: number) => {
    const rested = hub.verdict(session, waitMs);
    // What is refused ends the wait: afterwards nobody would know of it any more.
    await hub.kept(session, waitMs);
    await rested;
    await hub.kept(session);
    return view(session);
  };

  addCreateRoute(app, options, answer);
  addListRoute(app, options, view);
  app.get<Id>("/v1/sessions/:id", (request) => view(sessionsOf(request).find(request.params.id)));
  app.get<Id>("/v1/sessions/:id/health", (request, reply) => {
    void reply.type("application/health+json");
    const session = sessionsOf(request).find(request.params.id);
    const drill = options.drills.sentence(session.record);
    const driver = options.updates.view(session);
    return JSON.stringify({ ...session.health(), driver, drill, platform: watch.notice() });
  });
  app.get<Id>("/v1/sessions/:id/timeline", async (request) => {
    const { limit, before } = timelineQueryOf(request);
    const seen = sessionsOf(request);
    const session = seen.find(request.params.id).record.id;
    const range = before === null ? { after: 0 } : { after: 0, before };
    // One more than a page tells whether there is another.
    const found = await seen.events({ ...range, session, limit: limit + 1, newest: true });
    const items = found
      .slice(-limit)
      .flatMap(({ event }) => (event === null ? [] : eventView(event)));
    const oldest = items[0]?.seq ?? 0;
    return { items, nextCursor: found.length > limit ? String(oldest) : null };
  });

  addChangeRoutes(app, options, answer);
}

/** One session for each Idempotency-Key, of all hubs; who has it already answers. */
function addCreateRoute(
  app: FastifyInstance,
  options: RouteOptions,
  answer: (session: Session, waitMs: number) => Promise<SessionView>,
): void {
  const { sessionsOf, hub } = options;
  app.post<{ Body: NewSession }>(
    "/v1/sessions",
    {
      schema: { body: NewSession },
      onRequest: async (request, reply) => {
        const requestKey = requestKeyOf(request);
        const isHere = requestKey === null || sessionsOf(request).madeBy(requestKey);
        if (!isHere) await passRepeated(options, { request, reply });
      },
    },
    async (request, reply) => {
      const waitMs = waitOf(request);
      const { name } = request.body;
      const requestKey = requestKeyOf(request);
      const wanted = {
        ...(name === undefined ? {} : { name }),
        ...(requestKey === null ? {} : { requestKey }),
        spec: specOf(request.body),
      };
      const seen = sessionsOf(request);
      const session = await createOnce(wanted, waitMs, {
        seen,
        hub,
        take: () => {
          demandTaking(options);
          return takeCreate(options, seen, request, reply);
        },
        pass: () => passRepeated(options, { request, reply }, request.body),
      });
      if (session === null) return reply;
      void reply.code(202).header("location", `/v1/sessions/${session.record.id}`);
      return answer(session, waitMs);
    },
  );
}

/** To the hub that has the session of the request's key. False when none has. */
async function passRepeated(
  { sessionsOf, elsewhere }: RouteOptions,
  passed: Passed,
  body?: NewSession,
): Promise<boolean> {
  const { request } = passed;
  const requestKey = requestKeyOf(request);
  if (requestKey === null || elsewhere?.isShared !== true) return false;
  if (elsewhere.isPeer(request.raw)) return false;
  const made = await elsewhere.made(sessionsOf(request).keyOf(requestKey));
  if (made === null) return false;
  return passTo(made.id, passed, elsewhere, body === undefined ? null : JSON.stringify(body));
}

/** Of all hubs, by whichever is asked. */
function addListRoute(
  app: FastifyInstance,
  { sessionsOf, elsewhere, watch, clock }: RouteOptions,
  view: (session: Session) => SessionView,
): void {
  const { platform } = watch.provider;
  const roster = elsewhere?.roster ?? null;
  const viewWithHealth = (session: Session): SessionView => ({
    ...view(session),
    health: briefOf(session.health()),
  });
  app.get("/v1/sessions", async (request) => {
    const query = sessionQueryOf(request);
    const seen = sessionsOf(request);
    // Another hub makes the list then, and wants of this one what only this one knows.
    const isAsked = elsewhere?.isPeer(request.raw) === true;
    // Before the list: following the events after this one continues it without a gap.
    const [newest] = isAsked ? [] : await seen.events({ after: 0, limit: 1, newest: true });
    const eventSeq = newest?.seq ?? 0;
    if (isAsked || roster === null) {
      const { page, nextCursor } = pageOf(seen.all, query);
      return { items: page.map(query.health ? viewWithHealth : view), nextCursor, eventSeq };
    }
    const as = principalOf(request);
    const whole = { roster, seen, as, platform, now: clock.now(), view: viewWithHealth };
    const { page, nextCursor } = await wholePageOf(query, whole);
    const items = query.health ? page : page.map((one) => ({ ...one, health: undefined }));
    return { items, nextCursor, eventSeq };
  });
}

/** @throws HubError HubBusy once sessions are given back: one that begins now would stay behind */
function demandTaking({ self }: RouteOptions): void {
  const step = self.others()?.drain?.step ?? "announced";
  if (step === "announced") return;
  throw new HubError("HubBusy", "this hub gives its sessions to the others, and begins none", {
    hint: "Ask another hub; a balancer that reads /readyz does so by itself.",
  });
}

/** @throws HubError RateLimited, with the time until there is room */
function takeCreate(
  { access: { creates } }: RouteOptions,
  seen: SeenSessions,
  request: FastifyRequest,
  reply: FastifyReply,
): () => void {
  const principal = principalOf(request);
  creates.demandRoom(principal, seen.ofTenant);
  const taken = creates.take(principal);
  if (typeof taken === "function") return taken;
  void reply.header("retry-after", taken.waitSeconds);
  throw creates.full(taken.waitSeconds);
}

function addChangeRoutes(
  app: FastifyInstance,
  { sessionsOf, hub, leases }: RouteOptions,
  answer: (session: Session, waitMs: number) => Promise<unknown>,
): void {
  const changes = {
    pause: "operator.paused",
    resume: "operator.resumed",
    retry: "operator.retried",
  } as const;
  for (const [path, event] of Object.entries(changes)) {
    app.post<Id>(`/v1/sessions/:id/${path}`, async (request, reply) => {
      // All of the request is checked before any of it is done.
      const waitMs = waitOf(request);
      const dryRun = dryRunOf(request, path === "retry");
      const session = sessionsOf(request).find(request.params.id);
      if (dryRun) return planView(session);
      session.operate(event);
      const { attempt } = session.record;
      void reply.code(202);
      const answered = await answer(session, waitMs);
      // The session is well and the request is not: a state alone would look like success.
      if (event === "operator.paused") throwIfRefused(session, attempt);
      return answered;
    });
  }
  app.post<Id>("/v1/sessions/:id/probe", async (request, reply) => {
    const waitMs = waitOf(request);
    const session = sessionsOf(request).find(request.params.id);
    session.prove();
    await hub.proven(session, waitMs);
    void reply.code(202);
    return answer(session, 0);
  });
  app.post<Id>("/v1/sessions/:id/lease", (request) =>
    leases.renew(sessionsOf(request).find(request.params.id)),
  );
  app.delete<Id>("/v1/sessions/:id", async (request, reply) => {
    const waitMs = waitOf(request);
    const session = sessionsOf(request).find(request.params.id);
    if (session.record.state !== "ended") session.operate("operator.removed");
    void reply.code(202);
    return answer(session, waitMs);
  });
}

/** @throws HubError with the code of the refusal, once it is known. */
function throwIfRefused(session: Session, attempt: number): void {
  const outcome = session.outcome(attempt);
  if (outcome?.result !== "error" || outcome.code === null) return;
  const { code, message, hint } = outcome;
  const said = message ?? `the pause of session ${session.record.name} failed`;
  throw new HubError(code, said, hint === null ? {} : { hint });
}

/** What the ladder would do, without doing it. */
function planView(session: Session) {
  const { id, name, state, detail, fault } = session.record;
  const code = fault?.code ?? null;
  return { session: id, name, state, detail, code, steps: session.plan() };
}
