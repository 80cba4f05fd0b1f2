/**
 * Stands before the platform's routes: a request that a drill means gets the drill's answer, every
 * other one passes. Owns what goes over the wire then, and nothing of which drills are on.
 */
import { request as httpRequest } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { envelope, proxyEnvelope } from "../api/envelope.ts";
import type { Host } from "../host.ts";
import type { Organizations } from "../organizations.ts";
import { mergedOf } from "../isolation/root-tree.ts";
import { dirOf, socketOf } from "../sandbox/processes.ts";
import type { Registry } from "../sandbox/registry.ts";
import type { Bite } from "./catalogue.ts";
import type { Drill, Drills, Subject } from "./drills.ts";
import { askedOf, drillHeaders } from "./requests.ts";
import type { Asked } from "./requests.ts";

export interface FrontParts {
  drills: Drills;
  registry: Registry;
  host: Host;
  organizations: Organizations;
}

type RequestDrill = Drill<Extract<Bite, { kind: "request" }>>;

/** Calls `pass` at once, later or never. */
export function answerByDrill(
  parts: FrontParts,
  incoming: IncomingMessage,
  response: ServerResponse,
  pass: () => void,
): void {
  // Who has no key gets the honest 401: a drill must not carry anything out for strangers.
  const caller = parts.organizations.caller(incoming.headers);
  const asked =
    caller === undefined ? undefined : askedOf(incoming.method ?? "GET", incoming.url ?? "/");
  const subject =
    asked === undefined || caller === undefined
      ? undefined
      : subjectOf(parts.registry, asked, caller.organization.id);
  const drill =
    asked === undefined
      ? undefined
      : parts.drills.take("request", subject, (bite, wish) => {
          if (!asked.areas.includes(bite.area)) return false;
          if (bite.verbs !== undefined && !bite.verbs.includes(asked.verb)) return false;
          if (wish.method !== undefined && wish.method !== asked.method) return false;
          return wish.path === undefined || asked.path.includes(wish.path);
        });
  if (asked === undefined || drill === undefined) pass();
  else carryOut({ parts, incoming, response, pass, asked, drill, subject });
}

interface Scene {
  parts: FrontParts;
  incoming: IncomingMessage;
  response: ServerResponse;
  pass: () => void;
  asked: Asked;
  drill: RequestDrill;
  subject: Subject | undefined;
}

function carryOut(scene: Scene): void {
  const { parts, incoming, response, pass, asked, drill } = scene;
  const { answer } = drill.bite;
  switch (answer.kind) {
    case "status": {
      const message = drill.wish.reason ?? answer.message;
      const seconds = String(Math.ceil(drill.delayMs / 1000));
      const retry =
        answer.retryAfter === true ? { [`retry-after-${asked.throttle}`]: seconds } : {};
      send(scene, answer.status, bodyOf(scene, answer.status, message), retry);
      return;
    }
    case "bare":
      incoming.resume();
      response.writeHead(answer.status, { "content-length": 0, ...headersOf(scene) }).end();
      return;
    case "file-missing":
      send(scene, 404, bodyOf(scene, 404, missingText(scene)));
      return;
    case "junk":
      send(scene, 200, { ok: true, junk: [null, 42] });
      return;
    case "pretend":
      send(scene, 200, { exitCode: 0, result: "" });
      return;
    case "hang":
      incoming.resume();
      // Whoever still waits when the drill ends is cut off, as by a proxy that restarts.
      void drill.over.then(() => response.destroy());
      response.on("close", () => {
        parts.drills.letGo(drill);
      });
      return;
    case "slow":
      void parts.drills.wait(drill).then(() => {
        if (!response.destroyed) pass();
      });
      return;
    case "late":
      void answerLate(scene);
      return;
    case "drop":
      swallow(response);
      pass();
  }
}

function send(scene: Scene, status: number, body: object, more: Record<string, string> = {}): void {
  scene.incoming.resume();
  const text = JSON.stringify(body);
  scene.response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    ...headersOf(scene),
    ...more,
  });
  scene.response.end(text);
}

function headersOf({ drill }: Scene): Record<string, string> {
  return drillHeaders(drill.wish.fault);
}

function bodyOf({ incoming, asked }: Scene, status: number, message: string): object {
  if (asked.areas.includes("api")) return envelope(incoming.url ?? "", status, message);
  const code =
    status === 404 ? "FILE_NOT_FOUND" : status === 401 ? "UNAUTHORIZED" : "INTERNAL_ERROR";
  return proxyEnvelope(incoming, status, code, message);
}

/** The text that the real thing gives when a sandbox's root is gone after a resume. */
function missingText({ parts, incoming, subject }: Scene): string {
  const path = new URL(incoming.url ?? "/", "http://toolbox").searchParams.get("path") ?? "/";
  const merged = mergedOf(dirOf(parts.host, subject?.id ?? ""));
  return `not found: error accessing ${path}: readdirent ${merged}: no such file or directory`;
}

/** Everything is done as asked; the caller sees only that its connection broke. */
function swallow(response: ServerResponse): void {
  const lost = (): ServerResponse => {
    response.destroy();
    return response;
  };
  Object.assign(response, { writeHead: () => response, write: () => true, end: lost });
}

/** The whole request is kept first: its caller may have gone long before it is run. */
async function answerLate(scene: Scene): Promise<void> {
  const { parts, incoming, response, drill, subject } = scene;
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch {
    // The caller left before it had asked: there is nothing to run.
    return;
  }
  await parts.drills.wait(drill);
  const path = (incoming.url ?? "/").replace(/^\/toolbox\/[^/?]+/, "");
  const body = Buffer.concat(chunks);
  const outgoing = httpRequest({
    socketPath: socketOf(parts.host, subject?.id ?? ""),
    path,
    method: incoming.method,
    headers: {
      "content-type": incoming.headers["content-type"] ?? "application/json",
      "content-length": body.length,
    },
    agent: false,
  });
  outgoing.on("response", (answer) => {
    if (response.destroyed) {
      answer.resume();
      return;
    }
    response.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...headersOf(scene) });
    answer.pipe(response);
    answer.on("error", () => response.destroy());
  });
  outgoing.on("error", () => response.destroy());
  outgoing.end(body);
}

function subjectOf(registry: Registry, asked: Asked, organizationId: string): Subject | undefined {
  if (asked.sandbox === undefined) return undefined;
  const record = registry.find(asked.sandbox, organizationId)?.record;
  return record === undefined ? undefined : { id: record.id, name: record.name };
}
