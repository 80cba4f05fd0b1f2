/**
 * Terminals over the toolbox: created, listed, resized and ended over HTTP, looked at over
 * WebSocket by any number of clients. They end with their shell or with this daemon; what nobody
 * looked at is lost, as on Daytona.
 */
import type { WebSocket } from "ws";
import { resolvePath } from "./place.ts";
import type { Place } from "./place.ts";
import { PtyClient } from "./pty-client.ts";
import { PtySession } from "./pty-session.ts";
import type { PtyWish } from "./pty-session.ts";
import { json, readJsonBody } from "./reply.ts";
import type { Reply, ToolboxRequest } from "./reply.ts";
import type { Route } from "./router.ts";
import type { UpgradeRoute } from "./web-socket.ts";

const CELLS_MAX = 1000;
const envsProtocol = "X-Daytona-Pty-Envs~";

type Parsed = { ok: true; wish: PtyWish } | { ok: false; message: string };

export class PtySessions {
  readonly #place: Place;
  readonly #sessions = new Map<string, PtySession>();

  constructor(place: Place) {
    this.#place = place;
  }

  routes(): Route[] {
    const one = "/process/pty/{id}";
    return [
      { method: "POST", path: "/process/pty", handler: (request) => this.#create(request) },
      {
        method: "GET",
        path: "/process/pty",
        handler: () => json({ sessions: [...this.#sessions.values()].map((one) => one.info) }),
      },
      {
        method: "GET",
        path: one,
        handler: ({ params }) => {
          const session = this.#sessions.get(params["id"] ?? "");
          return session === undefined ? notFound : json(session.info);
        },
      },
      {
        method: "DELETE",
        path: one,
        handler: ({ params }) => {
          const session = this.#sessions.get(params["id"] ?? "");
          if (session === undefined) return notFound;
          session.kill();
          return json({ message: "PTY session deleted" });
        },
      },
      { method: "POST", path: `${one}/resize`, handler: (request) => this.#resize(request) },
    ];
  }

  upgrades(): UpgradeRoute[] {
    return [
      {
        path: "/process/pty/create-connect",
        handler: (request, accept) => {
          accept((socket) => void this.#createConnected(request, socket));
          return undefined;
        },
      },
      {
        path: "/process/pty/{id}/connect",
        handler: ({ params }, accept) => {
          accept((socket) => void this.#connect(params["id"] ?? "", socket));
          return undefined;
        },
      },
    ];
  }

  async #create(request: ToolboxRequest): Promise<Reply> {
    const read = await readJsonBody(request.raw);
    if ("fault" in read) return read.fault;
    const parsed = this.#parse(read.body);
    if (!parsed.ok) return error(400, parsed.message);
    const { id, lazyStart } = parsed.wish;
    if (this.#sessions.has(id)) return error(409, existsText(id));
    const session = this.#add(parsed.wish);
    const problem = lazyStart ? undefined : await session.start();
    if (problem !== undefined) return error(500, `failed to start PTY session: ${problem}`);
    return json({ sessionId: id }, 201);
  }

  async #createConnected(request: ToolboxRequest, socket: WebSocket): Promise<void> {
    const client = new PtyClient(socket);
    const envs = envsOf(request.raw.headers["sec-websocket-protocol"]);
    const { query } = request;
    const parsed = this.#parse({
      id: query.get("id"),
      cwd: query.get("cwd"),
      cols: numberOf(query.get("cols")),
      rows: numberOf(query.get("rows")),
      envs,
    });
    if (!parsed.ok) {
      client.fail(parsed.message);
    } else if (this.#sessions.has(parsed.wish.id)) {
      client.fail(existsText(parsed.wish.id));
    } else {
      const session = this.#add(parsed.wish);
      await session.attach(client, socket);
    }
  }

  async #connect(id: string, socket: WebSocket): Promise<void> {
    const client = new PtyClient(socket);
    const session = this.#sessions.get(id);
    if (session !== undefined) await session.attach(client, socket);
    else client.fail(`Failed to connect to PTY session: PTY session ${id} not found`);
  }

  async #resize(request: ToolboxRequest): Promise<Reply> {
    const read = await readJsonBody(request.raw);
    if ("fault" in read) return read.fault;
    const { cols, rows } = read.body;
    for (const [name, value] of [
      ["cols", cols],
      ["rows", rows],
    ] as const) {
      if (!isCells(value))
        return error(400, `${name} must be a whole number from 1 to ${CELLS_MAX}`);
    }
    const id = request.params["id"] ?? "";
    const session = this.#sessions.get(id);
    if (session === undefined) return error(410, `PTY session ${id} not found`);
    const problem = await session.resize(Number(cols), Number(rows));
    return problem === undefined ? json(session.info) : error(500, problem);
  }

  #add(wish: PtyWish): PtySession {
    const session = new PtySession(this.#place, wish, () => this.#sessions.delete(wish.id));
    this.#sessions.set(wish.id, session);
    return session;
  }

  #parse(body: Record<string, unknown>): Parsed {
    const { id, cwd, lazyStart } = body;
    if (typeof id !== "string" || id === "") {
      return { ok: false, message: "session ID is required" };
    }
    const envs = body["envs"] ?? {};
    if (!isTexts(envs)) return { ok: false, message: "envs must be an object of strings" };
    const size = { cols: body["cols"] ?? 80, rows: body["rows"] ?? 24 };
    for (const [name, value] of Object.entries(size)) {
      if (!isCells(value)) {
        return { ok: false, message: `invalid value for ${name} - must be from 1 to ${CELLS_MAX}` };
      }
    }
    const wish: PtyWish = {
      id,
      cwd:
        typeof cwd === "string" && cwd !== "" ? resolvePath(this.#place, cwd) : this.#place.workDir,
      envs: { TERM: "xterm-256color", ...envs },
      cols: Number(size.cols),
      rows: Number(size.rows),
      lazyStart: lazyStart === true,
    };
    return { ok: true, wish };
  }
}

const notFound = error(404, "PTY session not found");

/** The terminal routes answer with this shape, unlike the rest of the daemon. */
function error(status: number, message: string): Reply {
  return json({ error: message }, status);
}

function existsText(id: string): string {
  return `PTY session with ID '${id}' already exists`;
}

/** Variables come as a subprotocol, which also a browser can send, and which no URL log keeps. */
function envsOf(header: string | undefined): unknown {
  const word = (header ?? "")
    .split(",")
    .map((part) => part.trim())
    .find((part) => part.startsWith(envsProtocol));
  if (word === undefined) return {};
  try {
    const text = Buffer.from(word.slice(envsProtocol.length), "base64url").toString("utf8");
    return JSON.parse(text) as unknown;
  } catch {
    return "not JSON";
  }
}

function isTexts(value: unknown): value is Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(
    ([key, item]) => typeof item === "string" && !`${key}${item}`.includes("\0"),
  );
}

function isCells(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= CELLS_MAX;
}

function numberOf(text: string | null): number | undefined {
  return text === null || text === "" ? undefined : Number(text);
}
