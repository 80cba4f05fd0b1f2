/**
 * /v1/events: facts as server-sent events, from any point and then live. The id of an event is its
 * durable number, so Last-Event-ID works across hub restarts.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { HubError } from "../../../base/hub-error.ts";
import type { SessionEvent } from "../../../store/facts.ts";
import type { HttpOptions } from "../http.ts";

/** Proxies cut what is silent for a minute. */
const HEARTBEAT_MS = 15_000;
const PAGE = 500;
/** A reader that lets this much pile up is cut; it resumes by Last-Event-ID. */
const UNREAD_BYTES_MAX = 1024 * 1024;

export function eventView(event: SessionEvent) {
  return { ...event, at: new Date(event.at).toISOString() };
}

export function addEventRoutes(app: FastifyInstance, options: HttpOptions): void {
  const { sessions } = options;
  app.get<{ Querystring: { session?: string; after?: string } }>("/v1/events", (request, reply) => {
    const { session: wanted } = request.query;
    const session = wanted === undefined ? undefined : idOf(options, wanted);
    const after = afterOf(request);
    const out = openStream(reply, options.clock);
    let sent = after;
    const send = (event: SessionEvent): void => {
      if (event.seq <= sent || (session !== undefined && event.session !== session)) return;
      sent = event.seq;
      out.write(
        `id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(eventView(event))}\n\n`,
      );
    };
    // Old facts first, page by page; appending is synchronous, so nothing slips in between.
    for (;;) {
      const page = sessions.events({
        after: sent,
        limit: PAGE,
        ...(session === undefined ? {} : { session }),
      });
      for (const event of page) send(event);
      if (page.length < PAGE) break;
    }
    out.onClose(sessions.onEvent(send));
  });
}

/** An ended session has no name any more; its id still selects its events. */
function idOf(options: HttpOptions, wanted: string): string {
  return wanted.startsWith("ses_") ? wanted : options.sessions.find(wanted).record.id;
}

function afterOf(request: FastifyRequest<{ Querystring: { after?: string } }>): number {
  const text = request.headers["last-event-id"] ?? request.query.after ?? "0";
  const after = Number(text);
  if (typeof text === "string" && Number.isSafeInteger(after) && after >= 0) return after;
  throw new HubError("BadRequest", `after: ${JSON.stringify(text)} is no event number`);
}

function openStream(reply: FastifyReply, clock: HttpOptions["clock"]) {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
  });
  const closers: (() => void)[] = [];
  let open = true;
  const write = (text: string): void => {
    if (!open) return;
    raw.write(text);
    if (raw.writableLength > UNREAD_BYTES_MAX) raw.destroy();
  };
  let timer = clock.setTimeout(beat, HEARTBEAT_MS);
  function beat(): void {
    write(": still here\n\n");
    timer = clock.setTimeout(beat, HEARTBEAT_MS);
  }
  raw.on("close", () => {
    open = false;
    clock.clearTimeout(timer);
    for (const close of closers) close();
  });
  write(": events\n\n");
  return { write, onClose: (close: () => void) => (open ? closers.push(close) : close()) };
}
