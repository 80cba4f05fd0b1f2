/**
 * The code interpreter over HTTP and WebSocket: contexts that remember, and code that is run in one
 * of them while its output is told. The default one is made when it is first asked for.
 */
import type { ListContextsResponse } from "@daytona/toolbox-api-client";
import { randomUUID } from "node:crypto";
import type { RawData, WebSocket } from "ws";
import { InterpreterContext } from "./interpreter-context.ts";
import { resolvePath } from "./place.ts";
import type { Place } from "./place.ts";
import { fault, json, readJsonBody } from "./reply.ts";
import type { Reply, ToolboxRequest } from "./reply.ts";
import type { Route } from "./router.ts";
import type { UpgradeRoute } from "./web-socket.ts";

const defaultId = "default";
const CODE_BYTES_MAX = 8 * 1024 * 1024;
const DEFAULT_TIMEOUT_SECONDS = 600;
const TIMEOUT_SECONDS_MAX = 2_000_000;
/** Close codes: of the protocol, and Daytona's own for code that took too long. */
const closes = { normal: 1000, protocol: 1002, policy: 1008, internal: 1011, timeout: 4008 };

interface Asked {
  code: string;
  contextId: string | undefined;
  envs: Record<string, string>;
  timeoutMs: number | undefined;
}

export class Interpreter {
  readonly #place: Place;
  readonly #contexts = new Map<string, InterpreterContext>();

  constructor(place: Place) {
    this.#place = place;
  }

  routes(): Route[] {
    const base = "/process/interpreter/context";
    return [
      { method: "POST", path: base, handler: (request) => this.#create(request) },
      {
        method: "GET",
        path: base,
        handler: () => {
          const made = [...this.#contexts.values()].map(({ info }) => info);
          const contexts = made.filter(({ id }) => id !== defaultId);
          return json({ contexts } satisfies ListContextsResponse);
        },
      },
      {
        method: "DELETE",
        path: `${base}/{id}`,
        handler: ({ params }) => this.#delete(params["id"] ?? ""),
      },
    ];
  }

  upgrades(): UpgradeRoute[] {
    return [
      {
        path: "/process/interpreter/execute",
        maxMessageBytes: CODE_BYTES_MAX,
        handler: (_request, accept) => {
          accept((socket) => {
            socket.once("message", (data: RawData) => void this.#execute(socket, data));
          });
          return undefined;
        },
      },
    ];
  }

  async #create(request: ToolboxRequest): Promise<Reply> {
    const read = await readJsonBody(request.raw);
    if ("fault" in read) return read.fault;
    const { cwd = "", language = "python" } = read.body;
    if (typeof cwd !== "string" || cwd.includes("\0")) {
      return fault(400, "INVALID_REQUEST_BODY", "cwd must be a string without NUL");
    }
    if (language !== "python") {
      const only = "only 'python' is supported currently";
      return fault(
        400,
        "BAD_REQUEST",
        `unsupported language: ${JSON.stringify(language)} (${only})`,
      );
    }
    try {
      const where = cwd === "" ? this.#place.workDir : resolvePath(this.#place, cwd);
      return json((await this.#start(randomUUID(), where)).info);
    } catch (error) {
      return fault(500, "INTERNAL_SERVER_ERROR", textOf(error));
    }
  }

  #delete(id: string): Reply {
    if (id === defaultId) return fault(400, "BAD_REQUEST", "cannot delete default context");
    const context = this.#contexts.get(id);
    if (context === undefined) {
      return fault(404, "PROCESS_NOT_FOUND", `context not found: ${id}`);
    }
    context.kill();
    this.#contexts.delete(id);
    return json({ message: "Context deleted successfully" });
  }

  async #execute(socket: WebSocket, data: RawData): Promise<void> {
    const asked = parse(data);
    if ("close" in asked) {
      socket.close(asked.close, asked.reason);
      return;
    }
    const context = await this.#contextFor(asked.contextId);
    if (typeof context === "string") {
      const code = asked.contextId === undefined ? closes.internal : closes.policy;
      socket.close(code, context.slice(0, 120));
      return;
    }
    const { code, envs, timeoutMs } = asked;
    const emit = (message: Record<string, unknown>): void => socket.send(JSON.stringify(message));
    switch (await context.run({ code, envs, timeoutMs, emit })) {
      case "done":
        socket.close(closes.normal);
        return;
      case "timeout":
        socket.close(closes.timeout, "execution timeout");
        return;
      case "ended":
        socket.close(closes.internal, "the interpreter has ended");
    }
  }

  /** A text is the reason why there is none. */
  async #contextFor(id: string | undefined): Promise<InterpreterContext | string> {
    const known = this.#contexts.get(id ?? defaultId);
    if (id !== undefined) {
      if (known === undefined) return `context not found: ${id}`;
      return known.info.active ? known : "context is not active";
    }
    if (known?.info.active === true) return known;
    try {
      return await this.#start(defaultId, this.#place.workDir);
    } catch (error) {
      return `failed to get default context: ${textOf(error)}`;
    }
  }

  async #start(id: string, cwd: string): Promise<InterpreterContext> {
    const context = await InterpreterContext.start(id, cwd, this.#place.env);
    const other = this.#contexts.get(id);
    if (other?.info.active === true) {
      // Two asked for the default one at once.
      context.kill();
      return other;
    }
    this.#contexts.set(id, context);
    return context;
  }
}

function parse(data: RawData): Asked | { close: number; reason: string } {
  let body: unknown;
  try {
    body = JSON.parse(Buffer.from(data as Buffer).toString("utf8"));
  } catch {
    return { close: closes.protocol, reason: "invalid JSON payload" };
  }
  if (typeof body !== "object" || body === null) {
    return { close: closes.protocol, reason: "invalid JSON payload" };
  }
  const fields = body as Record<string, unknown>;
  const { code, contextId, envs = {}, timeout = DEFAULT_TIMEOUT_SECONDS } = fields;
  const wrong = (reason: string) => ({ close: closes.policy, reason });
  if (typeof code !== "string" || code === "") return wrong("code is required");
  if (contextId !== undefined && typeof contextId !== "string") return wrong("bad contextId");
  if (typeof envs !== "object" || envs === null || !Object.values(envs).every(isText)) {
    return wrong("envs must be an object of strings");
  }
  const seconds = Number(timeout ?? DEFAULT_TIMEOUT_SECONDS);
  if (!(seconds >= 0)) return wrong("timeout must be greater than or equal to 0");
  const timeoutMs = seconds === 0 ? undefined : Math.min(seconds, TIMEOUT_SECONDS_MAX) * 1000;
  return { code, contextId, envs: envs as Record<string, string>, timeoutMs };
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
