/**
 * `/toolbox/<id>/…`: authenticates, looks at the sandbox's state and at its merged root, counts
 * activity and relays to the daemon inside. The answers for each kind of absence are Daytona's.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Drills } from "../faults/drills.ts";
import { socketFault } from "../faults/socket-faults.ts";
import type { Host } from "../host.ts";
import { isRootPresent, mergedOf } from "../isolation/root-tree.ts";
import { socketOf, treeOf } from "../sandbox/processes.ts";
import type { Held, Registry } from "../sandbox/registry.ts";
import { toolboxRefusal } from "../sandbox/rules.ts";
import type { Organizations } from "../organizations.ts";
import type { Activity } from "./activity.ts";
import { isSignedFileRequest } from "./file-signature.ts";
import { isSameSecret } from "./auth.ts";
import { proxyEnvelope } from "./envelope.ts";
import { passedHeaders, refuseUpgrade, relayHttp, relayUpgrade } from "./relay.ts";
import type { RelayTarget } from "./relay.ts";

export interface ProxyParts {
  drills: Drills;
  host: Host;
  registry: Registry;
  organizations: Organizations;
  activity: Activity;
}

type Verdict =
  | { kind: "relay"; target: RelayTarget; held: Held }
  | { kind: "refuse"; status: number; code: string; message: string };

const prefix = "/toolbox/";

export function isToolboxUrl(url: string): boolean {
  return url.startsWith(prefix);
}

export function proxyToolbox(
  parts: ProxyParts,
  incoming: IncomingMessage,
  response: ServerResponse,
): void {
  const verdict = judge(parts, incoming);
  if (verdict.kind === "relay") {
    parts.activity.request(verdict.held.record, incoming);
    relayHttp(incoming, response, verdict.target);
    return;
  }
  incoming.resume();
  const text = JSON.stringify(
    proxyEnvelope(incoming, verdict.status, verdict.code, verdict.message),
  );
  response.writeHead(verdict.status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

export function proxyToolboxUpgrade(
  parts: ProxyParts,
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const verdict = judge(parts, incoming);
  if (verdict.kind === "relay") {
    parts.activity.open(verdict.held.record, incoming, socket);
    const cutter = socketFault(parts.drills, incoming.url ?? "", verdict.held.record);
    relayUpgrade(incoming, socket, head, verdict.target, cutter);
  } else refuseUpgrade(socket, verdict.status, verdict.code);
}

function judge(parts: ProxyParts, incoming: IncomingMessage): Verdict {
  const url = incoming.url ?? "";
  const [, id = "", path = "/"] = /^\/toolbox\/([^/?]+)(.*)$/.exec(url) ?? [];
  const held = parts.registry.byId(id);
  // One answer for a bad key and an unknown id: the real proxy cannot tell them apart, either.
  if (!isAllowed(parts, incoming, held) || held === undefined) {
    return refusal(401, "UNAUTHORIZED", "unauthorized");
  }
  const stateRefusal = toolboxRefusal(held.record.state);
  if (stateRefusal !== undefined) {
    const { status, message } = stateRefusal;
    return refusal(status, status === 404 ? "NOT_FOUND" : "BAD_REQUEST", message);
  }
  const rootRefusal = missingRoot(parts.host, held, path, url);
  if (rootRefusal !== undefined) return rootRefusal;
  const socketPath = socketOf(parts.host, id);
  const headers = passedHeaders(incoming, ["authorization", "x-daytona-preview-token"]);
  const absolute = path.startsWith("/") ? path : `/${path}`;
  return { kind: "relay", held, target: { socketPath, path: absolute, headers } };
}

function isAllowed(parts: ProxyParts, incoming: IncomingMessage, held: Held | undefined): boolean {
  if (held === undefined) return false;
  if (isOwn(parts, incoming, held) || isSignedFileRequest(incoming, held.record)) return true;
  const token = incoming.headers["x-daytona-preview-token"];
  return isSameSecret(textOf(token), held.record.previewToken);
}

/** True with a key of the sandbox's own organisation. */
export function isOwn(
  { organizations }: Pick<ProxyParts, "organizations">,
  { headers }: Pick<IncomingMessage, "headers">,
  { record }: Held,
): boolean {
  return organizations.caller(headers)?.organization.id === record.organizationId;
}

/**
 * The host side serves files and starts commands through the merged root, so both fail when it is
 * gone, while what already runs inside goes on: the very picture of a resume that only looks well.
 */
function missingRoot(host: Host, held: Held, path: string, url: string): Verdict | undefined {
  const touchesFiles = path.startsWith("/files");
  if (!touchesFiles && !path.startsWith("/process")) return undefined;
  const tree = treeOf(host, held.record);
  if (isRootPresent(tree, held.record.merged)) return undefined;
  if (!touchesFiles) return refusal(500, "INTERNAL_ERROR", "Internal Server Error");
  const asked = new URL(url, "http://toolbox").searchParams.get("path") ?? "/";
  const verb = /^\/files(\?|$)/.test(path) ? "listing files in" : "accessing";
  const merged = mergedOf(tree.dir);
  return refusal(
    404,
    "FILE_NOT_FOUND",
    `not found: error ${verb} ${asked}: readdirent ${merged}: no such file or directory`,
  );
}

function refusal(status: number, code: string, message: string): Verdict {
  return { kind: "refuse", status, code, message };
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
