/**
 * Process sessions over HTTP and WebSocket. Owns the map of sessions and what each request is
 * answered; they end with this daemon, while their logs stay on the disk, as on Daytona.
 */
import { WebSocket } from "ws";
import type { Place } from "./place.ts";
import { empty, fault, json, readJsonBody } from "./reply.ts";
import type { Reply, ToolboxRequest } from "./reply.ts";
import type { Route } from "./router.ts";
import { followLogs, readLogs } from "./session-log.ts";
import { SessionShell } from "./session-shell.ts";
import type { Command } from "./session-shell.ts";
import type { Accept, UpgradeRoute } from "./web-socket.ts";

const base = "/process/session";
const commandPath = `${base}/{session}/command/{command}`;
const sessionNotFound = fault(404, "NOT_FOUND", "session not found");
const commandNotFound = fault(404, "NOT_FOUND", "command not found");
/** Nothing here starts a sandbox with an entrypoint of its own. */
const noEntrypoint = fault(404, "NOT_FOUND", "entrypoint session not found");

type OfSession = (session: SessionShell, request: ToolboxRequest) => Promise<Reply> | Reply;
type OfCommand = (
  session: SessionShell,
  command: Command,
  request: ToolboxRequest,
) => Promise<Reply> | Reply;

export class Sessions {
  readonly #place: Place;
  readonly #sessions = new Map<string, SessionShell>();
  /** Names of sessions whose shell is being started. */
  readonly #starting = new Set<string>();

  constructor(place: Place) {
    this.#place = place;
  }

  routes(): Route[] {
    const one = `${base}/{session}`;
    return [
      { method: "POST", path: base, handler: (request) => this.#create(request) },
      {
        method: "GET",
        path: base,
        handler: () => json([...this.#sessions.values()].map(describeSession)),
      },
      { method: "GET", path: `${base}/entrypoint`, handler: () => noEntrypoint },
      { method: "GET", path: `${base}/entrypoint/logs`, handler: () => noEntrypoint },
      { method: "GET", path: one, handler: this.#one((session) => json(describeSession(session))) },
      { method: "DELETE", path: one, handler: this.#one((session) => this.#delete(session)) },
      { method: "POST", path: `${one}/exec`, handler: this.#one(exec) },
      {
        method: "GET",
        path: commandPath,
        handler: this.#command((_session, command) => json(describeCommand(command))),
      },
      { method: "GET", path: `${commandPath}/logs`, handler: this.#command(logs) },
      { method: "POST", path: `${commandPath}/input`, handler: this.#command(input) },
    ];
  }

  upgrades(): UpgradeRoute[] {
    return [
      {
        path: `${commandPath}/logs`,
        handler: (request, accept) => {
          const found = this.#find(request);
          if (!("command" in found)) return found.missing;
          follow(found.session, found.command, request, accept);
          return undefined;
        },
      },
    ];
  }

  #one(handler: OfSession): (request: ToolboxRequest) => Promise<Reply> | Reply {
    return (request) => {
      const session = this.#sessions.get(request.params["session"] ?? "");
      return session === undefined ? sessionNotFound : handler(session, request);
    };
  }

  #command(handler: OfCommand): (request: ToolboxRequest) => Promise<Reply> | Reply {
    return (request) => {
      const found = this.#find(request);
      return "command" in found ? handler(found.session, found.command, request) : found.missing;
    };
  }

  #find({
    params,
  }: ToolboxRequest): { session: SessionShell; command: Command } | { missing: Reply } {
    const session = this.#sessions.get(params["session"] ?? "");
    if (session === undefined) return { missing: sessionNotFound };
    const command = session.commands.get(params["command"] ?? "");
    return command === undefined ? { missing: commandNotFound } : { session, command };
  }

  async #create(request: ToolboxRequest): Promise<Reply> {
    const read = await readJsonBody(request.raw);
    if ("fault" in read) return read.fault;
    const id = read.body["sessionId"];
    if (typeof id !== "string" || id === "") {
      return fault(400, "BAD_REQUEST", "sessionId is required");
    }
    if (this.#sessions.has(id) || this.#starting.has(id)) {
      return fault(409, "CONFLICT", "conflict: session already exists");
    }
    this.#starting.add(id);
    try {
      this.#sessions.set(id, await SessionShell.start(this.#place, id));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return fault(400, "BAD_REQUEST", `failed to create session: ${why}`);
    } finally {
      this.#starting.delete(id);
    }
    return empty(201);
  }

  async #delete(session: SessionShell): Promise<Reply> {
    await session.delete();
    this.#sessions.delete(session.id);
    return empty(204);
  }
}

async function exec(session: SessionShell, request: ToolboxRequest): Promise<Reply> {
  const read = await readJsonBody(request.raw);
  if ("fault" in read) return read.fault;
  const { command: text, runAsync, async: alsoAsync, suppressInputEcho } = read.body;
  if (typeof text !== "string" || text.trim() === "") {
    return fault(400, "BAD_REQUEST", "command cannot be empty");
  }
  if (text.includes("\0")) return fault(400, "BAD_REQUEST", "command must not hold a NUL");
  const begun = await session.begin(text, suppressInputEcho !== true);
  if (!begun.ok) return fault(500, "INTERNAL_SERVER_ERROR", begun.reason);
  const { command } = begun;
  if (runAsync === true || alsoAsync === true) {
    return json({ cmdId: command.id, output: null, exitCode: null }, 202);
  }
  if ((await command.over) === "cancelled") return fault(400, "BAD_REQUEST", "session cancelled");
  const { stdout, stderr } = await readLogs(command.dir);
  const { exitCode } = command;
  return json({ cmdId: command.id, output: stdout + stderr, stdout, stderr, exitCode });
}

async function logs(_session: SessionShell, command: Command): Promise<Reply> {
  return json(await readLogs(command.dir));
}

async function input(
  session: SessionShell,
  command: Command,
  request: ToolboxRequest,
): Promise<Reply> {
  const read = await readJsonBody(request.raw);
  if ("fault" in read) return read.fault;
  const { data } = read.body;
  if (typeof data !== "string") return fault(400, "INVALID_REQUEST_BODY", "data is required");
  const typed = session.type(command, data);
  switch (typed.kind) {
    case "typed":
      return empty(204);
    case "gone": {
      const code = session.hasEnded() ? "SESSION_ENDED" : "COMMAND_ALREADY_COMPLETED";
      return fault(410, code, typed.reason);
    }
    case "failed":
      return fault(500, "INTERNAL_SERVER_ERROR", typed.reason);
  }
}

function follow(
  session: SessionShell,
  command: Command,
  request: ToolboxRequest,
  accept: Accept,
): void {
  accept((socket) => {
    const isOpen = (): boolean => socket.readyState === WebSocket.OPEN;
    followLogs({
      dir: command.dir,
      follow: request.query.get("follow") === "true",
      // The shell of a command that ended its session tells no exit code any more.
      hasEnded: () => command.exitCode !== undefined || session.hasEnded(),
      isOver: () => !isOpen() || session.isDeleted(),
      send: (frame) =>
        new Promise((resolve) => {
          socket.send(frame, { binary: true }, () => resolve());
        }),
    }).then(
      () => socket.close(1000),
      () => socket.close(1011),
    );
  });
}

function describeSession(session: SessionShell): object {
  const commands = [...session.commands.values()].map(describeCommand);
  return { sessionId: session.id, commands };
}

function describeCommand({ id, text, exitCode }: Command): object {
  return { id, command: text, exitCode: exitCode ?? null };
}
