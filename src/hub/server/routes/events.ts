/**
 * /v1/events: facts as server-sent events, from any point and then live. The id of an event is its
 * durable number, so Last-Event-ID works across hub restarts.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { HubError, toHubError } from "../../../base/hub-error.ts";
import type { Soon } from "../../../store/soon.ts";
import { eventView } from "../../event-view.ts";
import type { SeenSessions, Told } from "../../seen-sessions.ts";
import { idNamed } from "../named-session.ts";
import { knowsAll } from "../query.ts";
import type { RouteOptions } from "../http.ts";

/** Proxies cut what is silent for a minute. */
const HEARTBEAT_MS = 15_000;
const PAGE = 500;
/** What other hubs do is seen at least this often. */
const FOLLOW_MS = 1_000;
/** A reader that lets this much pile up is cut; it resumes by Last-Event-ID. */
const UNREAD_BYTES_MAX = 1024 * 1024;
/** Of a place that is none, this much is said again. */
const SAID_CHARS_MAX = 80;

export function addEventRoutes(app: FastifyInstance, options: RouteOptions): void {
  // A HEAD would hold an open stream that nobody reads.
  app.get("/v1/events", { exposeHeadRoute: false }, async (request, reply) => {
    const given = request.query as { session?: unknown };
    knowsAll(given, ["session", "after"]);
    const { session: wanted } = given;
    const sessions = options.sessionsOf(request);
    const session = wanted === undefined ? undefined : await idOf(request, wanted, options);
    const [newest] = await sessions.events({ after: 0, limit: 1, newest: true });
    const after = afterOf(request, newest?.seq ?? 0);
    const out = openStream(reply, options);
    let sent = after;
    const send = ({ seq, event }: Told): void => {
      if (seq <= sent) return;
      sent = seq;
      if (event === null || (session !== undefined && event.session !== session)) return;
      out.write(
        `id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(eventView(event))}\n\n`,
      );
    };
    const selected = session === undefined ? {} : { session };
    /** Old facts page by page, at the reader's pace; then live, in the turn of the last page. */
    const replay = (): void => {
      for (;;) {
        if (!out.open) return;
        const page = sessions.events({ after: sent, limit: PAGE, ...selected });
        if (page instanceof Promise) {
          const read = () => sessions.events({ after: sent, limit: PAGE, ...selected });
          void follow(out, sessions, read, send, options);
          return;
        }
        for (const event of page) {
          send(event);
          if (!out.waiting) continue;
          out.onceRead(replay);
          return;
        }
        if (page.length < PAGE) break;
      }
      out.onClose(sessions.onEvent(send));
    };
    replay();
  });
}

/**
 * Facts of a store that several hubs write: they are numbered by it, and read from it in order, at
 * once when this hub wrote one and each second for those of others.
 */
async function follow(
  out: ReturnType<typeof openStream>,
  sessions: SeenSessions,
  read: () => Soon<readonly Told[]>,
  send: (told: Told) => void,
  { clock, log }: RouteOptions,
): Promise<void> {
  let wake: () => void = () => undefined;
  let news = false;
  const unheard = sessions.onEvent(() => {
    news = true;
    wake();
  });
  out.onClose(unheard);
  while (out.open) {
    news = false;
    let page: readonly Told[] = [];
    try {
      page = await read();
    } catch (error) {
      // The reader keeps its place: it is told as soon as the store answers again.
      log.warn({ error: toHubError(error).message }, "events cannot be read now");
    }
    for (const event of page) {
      send(event);
      if (out.waiting) await new Promise<void>((next) => out.onceRead(next));
    }
    if (page.length > 0 || news) continue;
    await new Promise<void>((next) => {
      const timer = clock.setTimeout(next, FOLLOW_MS);
      wake = () => {
        clock.clearTimeout(timer);
        next();
      };
    });
  }
}

/** An ended session has no name any more; its id still selects its events. */
async function idOf(
  request: FastifyRequest,
  wanted: unknown,
  options: RouteOptions,
): Promise<string> {
  if (typeof wanted !== "string") throw new HubError("BadRequest", "session: give it once");
  return wanted.startsWith("ses_") ? wanted : idNamed(request, wanted, options);
}

/** @throws HubError BadRequest for what is no place in this hub's facts. */
function afterOf(request: FastifyRequest, last: number): number {
  const { after: asked } = request.query as { after?: unknown };
  const header = request.headers["last-event-id"];
  const place = header === undefined ? "after" : "Last-Event-ID";
  const text = header ?? asked ?? "0";
  const after = typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : null;
  if (after === null) {
    const said = JSON.stringify(text).slice(0, SAID_CHARS_MAX);
    throw new HubError("BadRequest", `${place}: ${said} is no event number`);
  }
  if (after <= last) return after;
  // A reader that waits for numbers above it would hear nothing for days, and not know why.
  throw new HubError("BadRequest", `${place}: ${after} is above the newest event, ${last}`, {
    hint: "This hub's store is another, or an older one. Read the list again and go on from there.",
  });
}

function openStream(reply: FastifyReply, { clock, metrics }: RouteOptions) {
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
    if (raw.writableLength <= UNREAD_BYTES_MAX || raw.destroyed) return;
    metrics.readerCut();
    raw.destroy();
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
  return {
    write,
    onClose: (close: () => void) => (open ? closers.push(close) : close()),
    get open() {
      return open;
    },
    /** The reader has not taken what was written so far. */
    get waiting() {
      return raw.writableNeedDrain;
    },
    onceRead: (next: () => void) => raw.once("drain", next),
  };
}
