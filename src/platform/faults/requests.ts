/** What a request asks for, in the words that faults are chosen by. Pure. */
import type { Area, FaultName } from "./catalogue.ts";

export interface Asked {
  areas: readonly Area[];
  verb: string;
  method: string;
  path: string;
  /** Id or name as the path has it; undefined for calls that name no sandbox. */
  sandbox: string | undefined;
  /** The limit that a 429 of the real platform names. */
  throttle: "authenticated" | "sandbox-create" | "sandbox-lifecycle";
}

/** The platform's own questions are never answered by a drill, or nobody could end one. */
const exempt = /^\/api\/(_faults|_platform|health|config)(\/|$)/;

const lifecycleVerbs = ["start", "stop", "pause", "recover", "delete"];

/** Undefined where no drill may answer: previews, and the platform's own questions. */
export function askedOf(method: string, url: string): Asked | undefined {
  const path = url.replace(/\?.*$/, "");
  if (exempt.test(path)) return undefined;
  const toolbox = /^\/toolbox\/([^/]+)(\/.*)?$/.exec(path);
  if (toolbox !== null) {
    const rest = toolbox[2] ?? "/";
    const areas: Area[] = ["toolbox"];
    if (rest.startsWith("/process/")) areas.push("exec");
    if (rest.startsWith("/files")) areas.push("files");
    const verb = areas[1] ?? "other";
    return { areas, verb, method, path, sandbox: toolbox[1], throttle: "authenticated" };
  }
  if (!path.startsWith("/api/")) return undefined;
  const [, root, id, action] = /^\/api\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?/.exec(path) ?? [];
  const sandbox = root === "sandbox" && id !== undefined ? decode(id) : undefined;
  const verb = root === "sandbox" ? verbOf(method, id, action) : (root ?? "other");
  const throttle =
    verb === "create"
      ? "sandbox-create"
      : lifecycleVerbs.includes(verb)
        ? "sandbox-lifecycle"
        : "authenticated";
  return { areas: ["api"], verb, method, path, sandbox, throttle };
}

function verbOf(method: string, id: string | undefined, action: string | undefined): string {
  if (id === undefined) return method === "POST" ? "create" : "list";
  if (action !== undefined) return action;
  return method === "DELETE" ? "delete" : "read";
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Said in every answer that a drill gave, so that it is told from a failure where it is read. */
const drillHeader = "x-holdfast-drill";

export function drillHeaders(fault: FaultName): Record<string, string> {
  return { [drillHeader]: fault };
}
