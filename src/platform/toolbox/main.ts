/**
 * The toolbox daemon: the process inside every sandbox that answers Daytona's toolbox routes on a
 * unix socket. It runs as the sandbox's user, holds no state that outlives it and calls nobody.
 */
import { readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { parseArgs } from "node:util";
import { forwardEgress } from "./egress-forward.ts";
import { environmentRoutes } from "./environment.ts";
import { executeRoutes } from "./execute.ts";
import { fileRoutes } from "./files.ts";
import { gitRoutes } from "./git.ts";
import { Interpreter } from "./interpreter.ts";
import { metricRoutes } from "./metrics.ts";
import type { Place } from "./place.ts";
import { portRoutes, portTarget, relayHttp, relayUpgrade } from "./ports.ts";
import { fault, json, sendReply } from "./reply.ts";
import type { Reply, ToolboxRequest } from "./reply.ts";
import { matchRoute } from "./router.ts";
import type { Route } from "./router.ts";
import { PtySessions } from "./pty.ts";
import { exitControl } from "./pty-client.ts";
import { searchRoutes } from "./search.ts";
import { Sessions } from "./sessions.ts";
import { transferRoutes } from "./transfer.ts";
import { makeUpgrader } from "./web-socket.ts";

function main(): void {
  const { values } = parseArgs({
    options: {
      socket: { type: "string" },
      home: { type: "string" },
      version: { type: "string" },
      egress: { type: "string" },
      environment: { type: "string" },
      "shares-files": { type: "boolean", default: false },
    },
  });
  // Each sandbox has a user of its own; in a volume that they share every file is for all.
  if (values["shares-files"]) process.umask(0);
  const homeDir = values.home ?? process.cwd();
  const env = takeEnvironment(values.environment);
  const place: Place = { homeDir, workDir: homeDir, version: values.version ?? "dev", env };
  const sessions = new Sessions(place);
  const terminals = new PtySessions(place);
  const stateful = [sessions, terminals, new Interpreter(place)];
  const routes = [...allRoutes(place), ...stateful.flatMap((one) => one.routes())];
  const upgrades = stateful.flatMap((one) => one.upgrades());
  const upgrade = makeUpgrader(upgrades, exitControl);
  const server = createServer((incoming, response) => {
    void answer(routes, incoming, response);
  });
  server.on("upgrade", (incoming, socket, head) => {
    const target = portTarget(incoming.url ?? "");
    if (target === undefined) upgrade(incoming, socket, head);
    else relayUpgrade(incoming, socket, head, target);
  });
  // Uploads and long commands have their own bounds; a default here would cut them short.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 60_000;
  if (values.egress !== undefined) forwardEgress(values.egress);
  server.listen(values.socket ?? "toolbox.sock");
}

/** Of what is started here; the file that brings it is gone before anything is. */
function takeEnvironment(file: string | undefined): Record<string, string> {
  if (file === undefined) throw new Error("--environment FILE is missing");
  const env = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  rmSync(file);
  return env;
}

function allRoutes(place: Place): Route[] {
  return [
    { method: "GET", path: "/version", handler: () => json({ version: place.version }) },
    { method: "GET", path: "/work-dir", handler: () => json({ dir: place.workDir }) },
    { method: "GET", path: "/user-home-dir", handler: () => json({ dir: place.homeDir }) },
    ...environmentRoutes(place),
    ...executeRoutes(place),
    ...fileRoutes(place),
    ...transferRoutes(place),
    ...searchRoutes(place),
    ...gitRoutes(place),
    ...portRoutes(),
    ...metricRoutes(),
  ];
}

async function answer(
  routes: readonly Route[],
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = incoming.url ?? "/";
  const target = portTarget(url);
  if (target !== undefined) {
    relayHttp(incoming, response, target);
    return;
  }
  const { pathname, searchParams } = new URL(url, "http://toolbox");
  const method = incoming.method ?? "GET";
  const request: ToolboxRequest = {
    method,
    path: pathname,
    params: {},
    query: searchParams,
    raw: incoming,
  };
  sendReply(request, response, await replyTo(routes, request));
}

async function replyTo(routes: readonly Route[], request: ToolboxRequest): Promise<Reply> {
  const match = matchRoute(routes, request.method, request.path);
  if (match === "not-found") {
    const message = request.path.startsWith("/lsp/")
      ? "the local platform runs no language servers; a hub does: /v1/sessions/NAME/lsp/SERVER"
      : `this toolbox has no route ${request.path}`;
    return fault(501, "NOT_IMPLEMENTED", message);
  }
  if (match === "wrong-method") {
    return fault(405, "METHOD_NOT_ALLOWED", `${request.method} is not served here`);
  }
  try {
    return await match.handler({ ...request, params: match.params });
  } catch (error) {
    return fault(500, "INTERNAL_ERROR", error instanceof Error ? error.message : String(error));
  }
}

main();
