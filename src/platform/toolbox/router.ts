import type { Reply, ToolboxRequest } from "./reply.ts";

export type Handler = (request: ToolboxRequest) => Promise<Reply> | Reply;

export interface Route {
  method: string;
  /** `/process/session/{id}`: a word in braces matches one path segment. */
  path: string;
  handler: Handler;
}

export interface Match {
  handler: Handler;
  params: Record<string, string>;
}

export function matchRoute(
  routes: readonly Route[],
  method: string,
  path: string,
): Match | "not-found" | "wrong-method" {
  let pathKnown = false;
  for (const route of routes) {
    const params = matchPath(route.path, path);
    if (params === undefined) continue;
    pathKnown = true;
    if (route.method === method) return { handler: route.handler, params };
  }
  return pathKnown ? "wrong-method" : "not-found";
}

/** The words in braces, decoded; undefined where the path is another one. */
export function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split("/");
  const given = path.replace(/\/+$/, "").split("/");
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, word] of wanted.entries()) {
    const value = given[index] ?? "";
    const name = /^\{(\w+)\}$/.exec(word)?.[1];
    if (name === undefined) {
      if (word !== value) return undefined;
      continue;
    }
    const decoded = decodeSegment(value);
    if (decoded === undefined || decoded === "") return undefined;
    params[name] = decoded;
  }
  return params;
}

function decodeSegment(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}
