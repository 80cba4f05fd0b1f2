/**
 * Process sessions over HTTP: one shell with an open standard input per session, one pair of log
 * files' worth of output per command, kept in memory. They end with this daemon, as on Daytona.
 */
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { randomUUID } from "node:crypto";
import { killGroup } from "./execute.ts";
import { findShell } from "./place.ts";
import type { Place } from "./place.ts";
import { empty, fault, json, readJsonBody } from "./reply.ts";
import type { Reply, ToolboxRequest } from "./reply.ts";
import type { Handler, Route } from "./router.ts";

interface Command {
  id: string;
  text: string;
  stdout: string;
  stderr: string;
  exitCode: number | undefined;
  ended: Promise<void>;
}

interface Session {
  id: string;
  shell: ChildProcessWithoutNullStreams;
  commands: Map<string, Command>;
  /** One command at a time owns the shell's output; the next one waits its turn. */
  tail: Promise<void>;
}

const notFound = fault(404, "SESSION_NOT_FOUND", "session not found");
const commandNotFound = fault(404, "COMMAND_NOT_FOUND", "command not found");

export function sessionRoutes(place: Place): Route[] {
  const sessions = new Map<string, Session>();
  const one = (handler: (session: Session, request: ToolboxRequest) => Promise<Reply> | Reply) =>
    (async (request) => {
      const session = sessions.get(request.params["session"] ?? "");
      return session === undefined ? notFound : handler(session, request);
    }) satisfies Handler;
  const base = "/process/session";
  return [
    { method: "POST", path: base, handler: (request) => create(place, sessions, request) },
    {
      method: "GET",
      path: base,
      handler: () => json([...sessions.values()].map(describeSession)),
    },
    { method: "GET", path: `${base}/{session}`, handler: one((s) => json(describeSession(s))) },
    {
      method: "DELETE",
      path: `${base}/{session}`,
      handler: one((session) => {
        sessions.delete(session.id);
        killGroup(session.shell.pid);
        return empty(204);
      }),
    },
    { method: "POST", path: `${base}/{session}/exec`, handler: one(exec) },
    {
      method: "GET",
      path: `${base}/{session}/command/{command}`,
      handler: one((session, request) => {
        const command = session.commands.get(request.params["command"] ?? "");
        return command === undefined ? commandNotFound : json(describeCommand(command));
      }),
    },
    { method: "GET", path: `${base}/{session}/command/{command}/logs`, handler: one(logs) },
    { method: "POST", path: `${base}/{session}/command/{command}/input`, handler: one(input) },
  ];
}

async function create(
  place: Place,
  sessions: Map<string, Session>,
  request: ToolboxRequest,
): Promise<Reply> {
  const read = await readJsonBody(request.raw);
  if ("fault" in read) return read.fault;
  const id = read.body["sessionId"];
  if (typeof id !== "string" || id === "") {
    return fault(400, "BAD_REQUEST", "sessionId is required");
  }
  if (sessions.has(id)) return fault(409, "CONFLICT", "conflict: session already exists");
  const shell = spawn(findShell(place.env), [], {
    cwd: place.workDir,
    env: place.env,
    detached: true,
  });
  // A shell that ended makes writes fail; the write's own callback reports it to the caller.
  shell.stdin.on("error", () => undefined);
  shell.on("error", () => sessions.delete(id));
  sessions.set(id, { id, shell, commands: new Map(), tail: Promise.resolve() });
  return empty(201);
}

async function exec(session: Session, request: ToolboxRequest): Promise<Reply> {
  const read = await readJsonBody(request.raw);
  if ("fault" in read) return read.fault;
  const text = read.body["command"];
  if (typeof text !== "string" || text.trim() === "") {
    return fault(400, "BAD_REQUEST", "command is required");
  }
  if (session.shell.exitCode !== null || session.shell.signalCode !== null) {
    return fault(500, "INTERNAL_ERROR", "failed to write command: broken pipe");
  }
  const command = begin(session, text);
  if (read.body["runAsync"] === true || read.body["async"] === true) {
    return json({ cmdId: command.id, output: null, exitCode: null }, 202);
  }
  await command.ended;
  const { stdout, stderr, exitCode } = command;
  return json({ cmdId: command.id, output: stdout + stderr, stdout, stderr, exitCode });
}

/** The end of each command is a line that only this daemon can foretell, on both outputs. */
function begin(session: Session, text: string): Command {
  const mark = `holdfast-end-${randomUUID()}`;
  const command: Command = {
    id: randomUUID(),
    text,
    stdout: "",
    stderr: "",
    exitCode: undefined,
    ended: Promise.resolve(),
  };
  session.commands.set(command.id, command);
  command.ended = session.tail.then(() => watch(session, command, mark));
  session.tail = command.ended;
  return command;
}

function watch(session: Session, command: Command, mark: string): Promise<void> {
  const { shell } = session;
  return new Promise((resolve) => {
    let open = 2;
    const listen = (name: "stdout" | "stderr"): (() => void) => {
      let seen = "";
      const onData = (chunk: Buffer): void => {
        seen += chunk.toString("utf8");
        const at = seen.indexOf(mark);
        if (at === -1) {
          command[name] = seen;
          return;
        }
        command[name] = seen.slice(0, at);
        const code = /^ (\d+)/.exec(seen.slice(at + mark.length))?.[1];
        if (code !== undefined) command.exitCode = Number(code);
        if (--open === 0) finish();
      };
      shell[name].on("data", onData);
      return () => shell[name].off("data", onData);
    };
    const stops = [listen("stdout"), listen("stderr")];
    const onExit = (code: number | null): void => {
      command.exitCode = code ?? -1;
      finish();
    };
    const finish = (): void => {
      for (const stop of stops) stop();
      shell.off("close", onExit);
      resolve();
    };
    shell.on("close", onExit);
    shell.stdin.write(
      `${command.text}\n__holdfast=$?; printf '%s %s\\n' ${mark} "$__holdfast"; ` +
        `printf '%s %s\\n' ${mark} "$__holdfast" >&2\n`,
    );
  });
}

function logs(session: Session, request: ToolboxRequest): Reply {
  const command = session.commands.get(request.params["command"] ?? "");
  if (command === undefined) return commandNotFound;
  const { stdout, stderr } = command;
  return json({ output: stdout + stderr, stdout, stderr });
}

async function input(session: Session, request: ToolboxRequest): Promise<Reply> {
  const command = session.commands.get(request.params["command"] ?? "");
  if (command === undefined) return commandNotFound;
  if (command.exitCode !== undefined) return fault(410, "GONE", "command already completed");
  const read = await readJsonBody(request.raw);
  if ("fault" in read) return read.fault;
  const given = read.body["data"];
  const data = typeof given === "string" ? given : "";
  session.shell.stdin.write(data.endsWith("\n") ? data : `${data}\n`);
  return empty(204);
}

function describeSession(session: Session): object {
  const commands = [...session.commands.values()].map(describeCommand);
  return { sessionId: session.id, commands };
}

function describeCommand(command: Command): object {
  return { id: command.id, command: command.text, exitCode: command.exitCode ?? null };
}
